package leattest

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// A testcase is one test of the suite.
type testcase struct {
	name    string
	promise string // in one sentence, printed with each failure
	rule    string // of the contract, where the promise comes from
	mode    mode
	needs   []need
	run     func(*tester)
}

// mode says where a test runs.
type mode int

const (
	// eitherWay is in a bubble, or in real time for a Remote kind: that a
	// call waits is only asserted in a bubble.
	eitherWay mode = iota
	// bubbled is in a bubble only: the test is about nothing but waiting.
	bubbled
	// realTime is outside of bubbles: the test is about concurrency, or the
	// runtime.
	realTime
)

// A need is something that a kind must claim or have for a test to make sense.
type need struct {
	met    func(f Features, can abilities) bool
	reason string // why the test is skipped else
}

var (
	needWaiting   = need{func(f Features, _ abilities) bool { return f.mayWait() }, "its senders never wait"}
	needBounded   = need{func(f Features, _ abilities) bool { return f.backlog() && !f.Unbounded }, "it has no capacity"}
	needUnbounded = need{func(f Features, _ abilities) bool { return f.Unbounded }, "it is not unbounded"}
	needBacklog   = need{func(f Features, _ abilities) bool { return f.backlog() }, "it holds no more than one value"}
	needQueue     = need{func(f Features, _ abilities) bool { return !f.everyone() }, "a receiver closes for itself alone"}
	needLossless  = need{func(f Features, _ abilities) bool { return !f.Lossy && !f.Latest }, "a receiver may miss values"}
	needLossy     = need{func(f Features, _ abilities) bool { return f.Lossy }, "its receivers miss nothing"}
	needBroadcast = need{func(f Features, _ abilities) bool { return f.Broadcast }, "it is not a broadcast"}
	needEveryone  = need{func(f Features, _ abilities) bool { return f.everyone() }, "each value goes to one receiver"}
	needZero      = need{func(f Features, _ abilities) bool { return f.Rendezvous }, "it has no capacity 0"}
	needOne       = need{func(f Features, _ abilities) bool { return f.OneValue }, "it takes more than one value"}
	needAutoClose = need{func(f Features, _ abilities) bool { return f.AutoClose }, "it does not close dropped handles"}
	needSingle    = need{func(f Features, _ abilities) bool { return f.SingleReceiver }, "any number may wait in its receivers"}
	needLocal     = need{func(f Features, _ abilities) bool { return !f.Remote }, "it is not all in this process"}

	needClone         = need{func(_ Features, c abilities) bool { return c.clone }, "it has one sender handle only"}
	needSubscribe     = need{func(_ Features, c abilities) bool { return c.subscribe }, "it has one receiver only"}
	needReserve       = need{func(_ Features, c abilities) bool { return c.reserve }, "it has no permits"}
	needSendMany      = need{func(_ Features, c abilities) bool { return c.sendMany }, "its senders have no SendMany"}
	needRecvMany      = need{func(_ Features, c abilities) bool { return c.recvMany }, "its receivers have no RecvMany"}
	needLen           = need{func(_ Features, c abilities) bool { return c.txLen || c.rxLen }, "its handles have no Len"}
	needTxLen         = need{func(_ Features, c abilities) bool { return c.txLen }, "its senders have no Len"}
	needRxLen         = need{func(_ Features, c abilities) bool { return c.rxLen }, "its receivers have no Len"}
	needCap           = need{func(_ Features, c abilities) bool { return c.txCap || c.rxCap }, "its handles have no Cap"}
	needReady         = need{func(_ Features, c abilities) bool { return c.ready }, "its receivers have no Ready"}
	needSelectSend    = need{func(_ Features, c abilities) bool { return c.selectSend }, "its senders cannot be selected on"}
	needDone          = need{func(_ Features, c abilities) bool { return c.done }, "its senders have no Done"}
	needCount         = need{func(_ Features, c abilities) bool { return c.count }, "its senders have no Receivers"}
	needWaitReceivers = need{func(f Features, c abilities) bool { return f.everyone() && c.waitReceivers }, "its senders do not wait for receivers"}
	needSettled       = need{func(f Features, c abilities) bool { return f.Latest && c.settled }, "its receivers have no Settled"}
	needFrom          = need{func(f Features, c abilities) bool { return f.Broadcast && c.from }, "its values are not numbered"}
	needPatience      = need{func(f Features, c abilities) bool { return f.Broadcast && !f.Unbounded && c.patience }, "its receivers have no patience"}
	needNext          = need{func(_ Features, c abilities) bool { return c.txNext && c.rxNext }, "its handles have no Next"}
	needListen        = need{func(f Features, c abilities) bool { return f.everyone() && c.listen }, "its receivers make no others"}
	needAll           = need{func(_ Features, c abilities) bool { return c.all || c.pairs }, "its receivers have no All"}
	needPairs         = need{func(_ Features, c abilities) bool { return c.pairs }, "its All does not count"}
)

var (
	needTryReserve  = need{func(_ Features, c abilities) bool { return c.reserve && c.tryReserve }, "it has no permits without waiting"}
	needTrySendMany = need{func(_ Features, c abilities) bool { return c.trySendMany }, "its senders have no TrySendMany"}
	needTryRecvMany = need{func(_ Features, c abilities) bool { return c.tryRecvMany }, "its receivers have no TryRecvMany"}
	needForceSend   = need{func(f Features, c abilities) bool { return c.forceSend && !f.everyone() }, "its senders have no ForceSend"}
	needRecvBatch   = need{func(_ Features, c abilities) bool { return c.recvBatch }, "its receivers have no RecvBatch"}
)

// A plan is a kind under test.
type plan struct {
	kind Kind
	can  abilities
}

// run runs c, if it applies, where its mode says.
func (p *plan) run(t *testing.T, c *testcase) {
	f := p.kind.Features
	if why := p.kind.Broken[c.name]; why != "" {
		t.Skipf("%s is known not to pass: %s", p.kind.Name, why)
	}
	for _, n := range c.needs {
		if !n.met(f, p.can) {
			t.Skipf("does not apply to %s: %s", p.kind.Name, n.reason)
		}
	}
	switch {
	case c.mode == bubbled && f.Remote:
		t.Skipf("%s is remote, and this needs a testing/synctest bubble", p.kind.Name)
	case c.mode == realTime, c.mode == eitherWay && f.Remote:
		defer c.watch(t)()
		c.start(t, p, false, func(capacity int) Channel { return p.kind.New(t, capacity) })
		return
	}
	t.Run("made_in_bubble", func(t *testing.T) {
		c.bubble(t, func(t *testing.T) {
			c.start(t, p, true, func(capacity int) Channel { return p.kind.New(t, capacity) })
		})
	})
	t.Run("made_outside", func(t *testing.T) {
		if f.Native {
			t.Skipf("%s waits on native channels, which a testing/synctest bubble sees only if they are its own", p.kind.Name)
		}
		outside := newMaker(t, p.kind.New)
		defer outside.stop()
		c.bubble(t, func(t *testing.T) { c.start(t, p, true, outside.make) })
	})
}

func (c *testcase) start(t *testing.T, p *plan, virtual bool, open func(int) Channel) {
	tt := &tester{T: t, testcase: c, kind: p.kind, can: p.can, virtual: virtual, make: open}
	defer tt.finish()
	c.run(tt)
}

// bubble runs f in a bubble, and makes failures of what the bubble itself
// finds.
func (c *testcase) bubble(t *testing.T, f func(*testing.T)) {
	defer c.watch(t)()
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("%v: a call of the test waits for ever, or somebody left a goroutine behind\n%s", r, c.explain())
		}
	}()
	synctest.Test(t, f)
}

// patience is how long a test may take in real time, and remotePatience how
// long one wait of it.
var (
	patience       = 2 * time.Minute
	remotePatience = 30 * time.Second
)

// watch ends the process if the test does not end, as it does if a wait is not
// durably blocking in its bubble. It returns what stops it.
func (c *testcase) watch(t *testing.T) func() {
	name := t.Name()
	timer := time.AfterFunc(patience, func() {
		panic(fmt.Sprintf("leattest: %s runs for %v: a call waits for ever, or waits in a way that is not "+
			"durably blocking in a testing/synctest bubble\n%s", name, patience, c.explain()))
	})
	return func() { timer.Stop() }
}

func (c *testcase) explain() string {
	return fmt.Sprintf("\tthe promise: %s\n\tit comes from %s", c.promise, c.rule)
}

// A maker makes channels outside of the bubble that asks for them.
type maker struct {
	asked chan int
	made  chan *Channel // nil if New gave up
}

func newMaker(t testing.TB, open func(testing.TB, int) Channel) *maker {
	m := &maker{asked: make(chan int), made: make(chan *Channel)}
	go func() {
		defer close(m.made)
		for capacity := range m.asked {
			ch := open(t, capacity)
			m.made <- &ch
		}
	}()
	return m
}

// make asks for a channel.
func (m *maker) make(capacity int) Channel {
	m.asked <- capacity
	ch := <-m.made
	if ch == nil {
		panic("leattest: New gave up")
	}
	return *ch
}

func (m *maker) stop() {
	close(m.asked)
	for range m.made {
	}
}
