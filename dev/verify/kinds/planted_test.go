//go:build modelcheck

package kinds

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var plant = flag.Bool("plant", false, "plant defects in the core, one at a time, and look whether they are found; each is a build")

// planted are defects, each a change of a line of the core, and the program
// that has to find it, or the test of another name.
var planted = []struct{ name, file, old, new, programs string }{
	{"a wake-up is dropped", "internal/park/sleeper.go", "	seam.Send(s.token)\n", "", "mpsc_1/ss_rr"},
	{"a served waiter leaves as if it were not", "internal/park/park.go", "if w.queue == nil { // served", "if false { // served", "mpmc_1/s_Rr_c"},
	{"a token is left for the next wait", "internal/park/park.go", "		mu.Unlock()\n		w.receive()\n		return true\n", "		mu.Unlock()\n		return true\n", "mpmc_1/s_Rr_c"},
	{"a waiter that leaves stays in its queue", "internal/park/park.go", "	q.Remove(w)\n	mu.Unlock()\n	w.leave()\n", "	mu.Unlock()\n	w.leave()\n", "mpmc_1/s_Rr_c"},
	{"two waits use one waiter", "internal/park/park.go", "	s.taken++\n", "", "TestWaitsShareAHandle"},
	{"a goroutine sleeps though it was served", "internal/park/sleeper.go", "|| !s.state.CompareAndSwap(s.round, s.round+1)\n", "|| !s.state.CompareAndSwap(s.round, s.round+1) && false\n", "mpmc_0/s_r"},
	{"a goroutine that sleeps is not woken, because it was awake", "internal/park/sleeper.go", "s.state.Swap(round+2) == round {", "s.state.Swap(round+2) <= round+1 {", "mpmc_0/s_r"},
	{"a waker looks at a wait that is over", "internal/park/sleeper.go", "		if s.state.Swap(round+2) == round {\n",
		"		old := s.state.Swap(round + 2)\n		seam.Yield()\n		if round = s.round; old == round {\n", "mpmc_0/ss_rr"},
	{"a goroutine that gives up stays noted as asleep", "internal/park/sleeper.go", "		s.state.Store(s.round)\n", "", "mpmc_0/s_Rr_c"},
	{"a waiter is returned before its wait is over", "internal/queue/tx.go",
		"	err := s.waited(w, c.txq.Sleep(ctx, c, w))\n",
		"	s.spare.Return(w)\n	err := s.waited(w, c.txq.Sleep(ctx, c, w))\n", "TestWaitsShareAHandle"},
	{"a sender that has yielded gives up", "internal/queue/tx.go",
		"				if err != contract.ErrFull {\n					return err\n				}\n			}\n			c.values.Tail.Lock()\n",
		"				return err\n			}\n			c.values.Tail.Lock()\n", "mpsc_2/ssS_c"},
	{"a goroutine that was served while it yielded sleeps", "internal/park/park.go",
		"	if w.yields && w.servedAfterYield() {\n		return nil\n	}\n", "", "mpmc_0/ss_rr"},
	{"a guard in the pool closes the handle that had it", "internal/leak/leak.go", "	g.cell.target = nil\n", "", "TestGuardsAreUsedAgain"},
	{"a guard is emptied after another handle has it", "internal/leak/leak.go", "	g.cell.target = nil\n	seam.Unwatch(handle)\n	g.home.Put(g)\n",
		"	seam.Unwatch(handle)\n	g.home.Put(g)\n	seam.Yield()\n	g.cell.target = nil\n", "TestGuardsAreUsedAgain"},
	{"a handle gives its guard back twice", "internal/leak/leak.go", "	g.home.Put(g)\n", "	g.home.Put(g)\n	g.home.Put(g)\n", "TestGuardsAreUsedAgain"},
	{"the last sender closes as one of several", "internal/queue/tx.go", "	if c.openSenders > 1 && cause", "	if c.openSenders > 0 && cause", "TestOneSenderOfSeveralCloses"},
	{"one sender of several closes and leaves its Send waiting", "internal/queue/tx.go", " && s.waiters.First() == nil && ", " && ", "TestOneSenderOfSeveralCloses"},
	{"a clone is not counted", "internal/queue/tx.go", "		c.openSenders++\n", "", "TestOneSenderOfSeveralCloses"},
	{"a channel in which somebody waits counts as idle", "internal/queue/channel.go", "	return c.rxq.Len() == 0 && c.txq.Len() == 0 &&", "	return c.txq.Len() == 0 &&", "mpsc_1/ssx_rrr"},
	{"a closed receiver that is dropped is closed again", "internal/queue/rx.go", "		r.guard.Tell((*droppedClosedReceiver[T])(c))\n", "", "TestClosedReceiverIsDropped"},
	{"a Selection is claimed twice", "internal/park/select.go", "	if s.chosen != unclaimed {\n		return false\n	}\n", "", "mpmc_0/L_r_c"},
	{"a broadcast receiver does not look again before it parks", "broadcast/receiver.go",
		"	if r.there() || c.ended.Load() || r.cur.is(isClosed) {\n		return nil\n	}\n", "", "broadcast_1/ss_rr"},
	{"a watch receiver does not look again before it parks", "watch/receiver.go",
		"if c.current.Load().n != known || c.ended.Load() || r.cur.closed.Load() {", "if r.cur.closed.Load() {", "watch_1/ss_rr"},
	{"a lag is one too small", "broadcast/receiver.go", "return nil, &leat.LaggedError{Missed: oldest - pos}",
		"return nil, &leat.LaggedError{Missed: oldest - pos - 1}", "broadcast_1/sss_rr"},
	{"the slowest receiver is not watched", "broadcast/chan.go", "	c.slowest.Store(c.limit - c.ring.Capacity() + 1)\n", "", "lossless_1/ss_rr"},
	{"a bound that has risen is taken for one that has not", "broadcast/chan.go", "if bound == c.limit {", "if bound >= c.limit {", "lossless_1/ss_rr"},
	{"a slot is claimed and not published", "internal/fifo/fifo.go", "e.word.Swap(e.next)", "e.word.Swap(e.word.Load()&^(locked|waiting))", "mpsc_1/tt_yy"},
	{"a locked end is taken all the same", "internal/fifo/fifo.go", "if e.word.Or(locked)&locked != 0 {",
		"if e.word.Or(locked); false {", "mpmc_1/s_r_r"},
	{"a sleeper for a lock is not noted", "internal/fifo/fifo.go", "e.word.CompareAndSwap(v, v|waiting)", "e.word.CompareAndSwap(v, v)", "mpmc_1/s_r_r"},
	{"a lock is published without its sleeper", "internal/fifo/fifo.go", "e.next|v&(locked|waiting)", "e.next|v&locked", "mpmc_2/b_n_n"},
	{"a batch that fits in part is sent with one end locked", "internal/queue/tx.go", "		if n == len(vs) || n == 0 {\n",
		"		if n > 0 && n < len(vs) {\n			c.values.PushAll(vs[:n])\n			c.values.Tail.Unlock()\n			return n, contract.ErrFull\n		} else {\n", "mpmc_2/tB_yy"},
	{"an eviction overtakes a sender that waits", "internal/queue/tx.go", "	if !c.senderWaitsLocked() && c.values.Len() > 0 {\n", "	if c.values.Len() > 0 {\n", "TestForceSendOvertakesNobody"},
	{"an eviction leaves the value in the channel", "internal/queue/tx.go", "		evicted = c.values.Evict()\n		c.values.Push(v)\n",
		"		evicted = c.values.Evict()\n		c.values.Push(evicted)\n", "mpsc_1/EE_r"},
	{"an eviction unlocks before it evicts", "internal/queue/tx.go", "	c.lockHeadToo()\n	err = s.trySendAndUnlockUnlessFull(v)\n	if err != contract.ErrFull {\n		return evicted, false, err\n	}\n",
		"	c.lockHeadToo()\n	err = s.trySendAndUnlockUnlessFull(v)\n	if err != contract.ErrFull {\n		return evicted, false, err\n	}\n	c.Unlock()\n	c.Lock()\n", "mpsc_1/EE_r"},
	{"a Select that has gone elsewhere keeps a value from being evicted", "internal/queue/tx.go", "		if !w.Stale() {\n			return true\n		}\n", "		if w != nil {\n			return true\n		}\n", "TestForceSendPastAStaleSelect"},
	{"a batch that is collected is forgotten", "internal/queue/rx.go", "	n = got.n\n	r.returnWaiter(w)\n	runtime", "	r.returnWaiter(w)\n	runtime", "mpsc_1/sss_a"},
	{"a batch that is not full leaves the queue", "internal/queue/channel.go", "	c.rxq.PutBack(r)\n", "", "mpmc_0/sss_a"},
	{"a batch that is not full leaves the queue when a permit is used", "internal/queue/channel.go", "				c.rxq.PutBack(w)\n", "", "mpsc_2/ps_s_a"},
	{"a batch waits for more after the end", "internal/queue/rx.go", " || maxAge <= 0 || r.endLocked() {", " || maxAge <= 0 {", "mpsc_2/sx_a"},
	{"a batch does not take the values that are there before it waits for more", "internal/queue/rx.go", "		more, _ := r.takeManyLocked(buf[n:], &wk)\n", "		more := 0\n", "mpsc_1/sss_a"},
	{"a batch is full and not woken", "internal/queue/channel.go", "	return !r.collects || r.n == len(r.many)\n", "	return !r.collects\n", "mpmc_0/ssss_a"},
	{"a batch goes on after a gap", "broadcast/receiver.go", "	case e.n > pos:\n		return 0, false\n", "	case e.n > pos:\n		r.TryRecv()\n		return 0, true\n", "broadcast_1/sss_a"},
	{"a batch looks at the end after it looks for a value", "broadcast/receiver.go", "	ended := r.c.ended.Load() // if so, all values were published before, and the load of the slot is final\n	e := r.c.ring.Load(pos)\n",
		"	e := r.c.ring.Load(pos)\n	ended := r.c.ended.Load()\n", "lossless_2/ssx_a"},
	{"a batch of broadcast wakes nobody", "broadcast/sender.go", "	if n > 0 {\n		c.notifyLocked(&wk)\n	}\n", "", "broadcast_2/BW_r"},
	{"a batch to a rendezvous wakes nobody", "internal/queue/tx.go", "		wk.rx.Add(r)\n", "", "mpmc_0/B_r_r"},
	{"a batch from a rendezvous leaves a sender that is served", "internal/queue/rx.go", "			c.dequeueSenderLocked(w, wk)\n", "", "mpmc_0/s_N_y"},
	{"a TryReserve that finds no slot leaves the ends locked", "internal/queue/tx.go",
		"		if err == contract.ErrFull {\n			c.Unlock()\n		}\n		return nil, err\n", "		return nil, err\n", "mpsc_1/P_P_r"},
	{"a Select leaves a waiter behind", "internal/queue/arm.go", "		c.rxq.Remove(w)\n", "", "mpmc_0/L_r_c"},
	{"a Select leaves a sending waiter behind", "internal/queue/arm.go", "		c.txq.Remove(w)\n", "", "mpmc_0/L_s_c"},
	{"a Select leaves a waiter of a broadcast behind", "broadcast/arm.go", "		c.waiting.Queue.Remove(w)\n", "", "broadcast_1/s_I_c"},
	{"a Select leaves a sending waiter of a broadcast behind", "broadcast/arm.go", "		c.txq.Remove(w)\n", "", "lossless_1/sJ_r_c"},
	{"a Select leaves a waiter of a watch behind", "watch/arm.go", "		c.waiting.Queue.Remove(w)\n", "", "watch_1/s_I_c"},
	{"a Select leaves a waiter of a oneshot behind", "oneshot/arm.go", "		c.rxq.Remove(w)\n", "", "oneshot_1/s_I_c"},
	{"two Selections are locked in any order", "internal/park/select.go", "	if first.id > second.id {\n		first, second = second, first\n	}\n", "", "TestSelectsMeetOnce"},
	{"the wake-up of a Selection is dropped", "internal/park/select.go", "		s.cond.Signal()\n", "", "TestSelectTakesOne"},
	{"the wake-up of a Selection with a context is dropped", "internal/park/select.go", "		seam.Close(ch)\n", "", "TestSelectsAgain"},
	{"a Selection does not note that it was served", "internal/park/select.go", "	s.served = true\n", "", "TestSelectTakesOne"},
	{"a Selection sleeps though it was served", "internal/park/select.go", "	for !s.served {\n		s.cond.Wait()\n	}\n", "	s.cond.Wait()\n", "TestSelectTakesOne"},
	{"a Selection begins as served", "internal/park/select.go", "s.chosen, s.served, s.ch, s.labels, s.bubbled = unclaimed, false, nil, nil, InBubble()",
		"s.chosen, s.ch, s.labels, s.bubbled = unclaimed, nil, nil, InBubble()", "TestSelectsAgain"},
	{"two Selects use one arm", "internal/park/arm.go", "	a := l.first.Swap(nil)\n", "	a := l.first.Load()\n", "TestSelectsShareAHandle"},
	{"a Default is chosen without a claim", "internal/choose/choose.go", "	if !sel.Claim(s.fallback) {\n", "	if false {\n", "TestSelectDefaultLosesNothing"},
	{"a Default is chosen after the tries", "internal/choose/choose.go", "if c.Fallback >= 0 && len(order) <= 2 {", "if c.Fallback >= 0 {", "TestSelectDefaultMeansNothing"},
	{"a check without a lock loads the ends the wrong way round", "internal/fifo/fifo.go",
		"	head, tail := q.Head.position(), q.Tail.word.Load()\n",
		"	tail, head := q.Tail.word.Load(), q.Head.position()\n", "TestSelectSeesWhatIsThere"},
	{"a position is cut to 32 bits", "internal/fifo/fifo.go", "r, pos := &q.own, v/one", "r, pos := &q.own, uint64(uint32(v/one))", "mpsc_1/ss_rr"},
	{"what a Replay asks for is one too many", "broadcast/subscribe.go", "min(o.replay, tail-oldest)", "min(o.replay, tail-oldest+1)", "broadcast_1/ss_Vrr"},
	{"a subscription does not hold senders back", "broadcast/subscribe.go", "		c.limit = min(c.limit, cur.needs()+c.ring.Capacity())\n", "", "lossless_1/ss_Vrr"},
	{"a new watch receiver has not seen the current value", "watch/subscribe.go", "	cur.seen.Store(c.current.Load().n)\n", "", "watch_1/ss_Urr"},
	{"a ring's last segment is too long", "internal/ring/ring.go", "min(1<<r.shift, r.capacity-uint64(k)<<r.shift)", "max(1<<r.shift, uint64(k))", "broadcast_3/ssss_rr"},
	{"a slot is not read again after the end was seen", "broadcast/receiver.go", "			e = r.c.ring.Load(pos)\n", "", "broadcast_2/ss_rr"},
	{"a ring's place is one slot short", "internal/ring/ring.go", "	*p = r.Place(n)\n}\n\n// Put", "	*p = r.Place(n - 1)\n}\n\n// Put", "broadcast_2/ss_rr"},
	{"a ring's new segment is not listed", "internal/ring/ring.go", "	r.directory.Store(&directory)\n	*p = r.Place(n)\n", "	*p = Place[E]{in: directory.segments[len(directory.segments)-1]}\n", "lossless_2/ss_rr"},
	{"a receiver starts one after the number that From gives", "broadcast/subscribe.go", "min(o.from, tail-seam.Origin)", "min(o.from+1, tail-seam.Origin)", "broadcast_2/ss_Frr"},
	{"a receiver starts beyond the end", "broadcast/subscribe.go", "min(o.from, tail-seam.Origin)", "o.from", "broadcast_1/s_Frr"},
	{"senders wait for a gap to be reported", "broadcast/cursor.go", "return max(cur.pos(), cur.floor)",
		"return cur.pos()", "lossless_1/ssss_Frr"},
	{"the next number is behind a receiver's", "broadcast/sender.go", "s.made().accepted(0) - seam.Origin",
		"s.made().published.Load() - seam.Origin", "TestNextIsNotBehind"},
	{"the next number is behind a value that was released", "broadcast/chan.go",
		"		published := c.published.Load()\n		if published <= n {\n			return n\n		}\n		n = published\n", "		return n\n",
		"TestNextIsNotBehindARelease"},
	{"a value is released before its number is published", "broadcast/keep.go",
		"		if c.published.Load() < least {\n			c.published.Store(c.tail) // before the slots are empty: see accepted\n		}\n",
		"", "TestNextIsNotBehindARelease"},
	{"a search does not see that values are gone", "broadcast/number.go", "			lo = max(lo, c.oldest(e.n+1))\n", "", "TestSearchWhileSending"},
	{"a search takes the newest value for the wanted one", "broadcast/number.go", "hi, known = e.n, true", "hi, known = max(e.n, hi), true", "TestSearchWhileSending"},
	{"a new receiver is not counted", "broadcast/subscribe.go", "	c.counting.Changed(c.receiversLocked(), &wk.count, false)\n", "", "TestWaitReceiversMissesNothing"},
	{"a watch receiver that leaves is not counted", "watch/chan.go", "	c.counting.Changed(c.receivers.Len(), &wk.count, false)\n", "", "TestWaitReceiversSeesTheLastLeave"},
	{"WaitReceivers does not look again before it parks", "internal/fanout/count.go", "if next := look(); next != now {", "if next := now; next != now {", "TestWaitReceiversMissesNothing"},
	{"WaitReceivers outlives its handle", "broadcast/sender.go", "	c.counting.Close(&s.counts, s.closed, &wk.count)\n", "", "TestWaitReceiversEnds"},
	{"a lapsed receiver receives without the lock", "broadcast/patience.go",
		"	if !cur.lapsed || cur.is(isClosed) {\n", "	if true {\n", "TestLapsedReceiverIsHeldAgain"},
	{"senders do not see that a lapsed receiver is held again", "broadcast/patience.go", "	c.holdLocked(cur)\n	c.limit = min(c.limit, cur.needs()+c.ring.Capacity())\n", "	c.holdLocked(cur)\n", "TestLapsedReceiverIsHeldAgain"},
	{"a waiting sender sets no alarm", "broadcast/patience.go", "	if c.patient > 0 && c.txq.Len() == 0 {\n		c.stallLocked()\n	}\n", "", "TestLapsedReceiverIsHeldAgain"},
	{"a lapsed receiver that closes leaves the wrong list", "broadcast/chan.go", "if cur.lossless && !cur.lapsed {\n		return", "if cur.lossless {\n		return", "TestLapsedReceiverAmongOthers"},
	{"a receiver that leaves keeps its values", "broadcast/chan.go", "	if c.unbounded {\n		c.releaseLocked()\n	}\n	c.waiting.Leave", "	c.waiting.Leave", "TestUnboundedKeepsNothing"},
	{"a release does not look at the cursors again", "broadcast/keep.go", "	for least := c.leastLocked(); least > c.kept; least = c.leastLocked() {\n", "	if least := c.leastLocked(); least > c.kept {\n", "TestUnboundedKeepsNothing"},
	{"a value is released that one receiver has not had", "broadcast/keep.go", "		least = min(least, needs)\n", "		least = needs\n", "TestUnboundedKeepsNothing"},
	{"the slot of the next value is released", "internal/ring/ring.go", "	for n := from; n < to; {\n", "	for n := from; n <= to; {\n", "broadcast_unbounded/sss_rrr"},
	{"a receive takes a value although the cursor has a flag", "broadcast/cursor.go",
		"	return cur.state.CompareAndSwap(n<<flagBits, (n+1)<<flagBits)\n", "	return cur.move(n, n+1)\n",
		"TestLapsedReceiverIsHeldAgain"},
	{"an unbounded receiver that is closed finds nothing", "broadcast/keep.go", "	case r.cur.is(isClosed):\n",
		"	case false:\n", "TestUnboundedReceiverCloses"},
	{"the last cause of an end counts", "internal/contract/contract.go", "if *side != nil || c == NoCause {", "if c == NoCause {", "mpsc_1/x_X_Xk"},
	{"a close without a cause is the first", "internal/contract/contract.go", "if *side != nil || c == NoCause {", "if *side != nil {", "mpmc_0/s_Z_z"},
	{"a closed sender gets the receivers' cause", "internal/queue/tx.go", "	case s.closed != nil:\n		return contract.Closed(s.closed)\n", "	case s.closed != nil:\n		return contract.Closed(s.c.receiverCause)\n", "mpsc_1/Xt_Z"},
	{"a sender that waits is refused without the cause", "internal/queue/channel.go", "c.refuseLocked(w, contract.Closed(c.receiverCause), wk)", "c.refuseLocked(w, contract.ErrClosed, wk)", "mpsc_1/ss_Z"},
	{"a handle that closes again changes its cause", "broadcast/sender.go", "	if s.closed != nil {\n		c.mu.Unlock()\n		return nil\n	}\n	s.closed", "	if s.closed != nil {\n		s.closed = contract.Closing(cause)\n		c.mu.Unlock()\n		return nil\n	}\n	s.closed", "TestOneSenderClosesTwice"},
	{"a broadcast receiver is closed before it has its cause", "broadcast/receiver.go", "	r.cause = contract.Closing(cause)\n	c.removeLocked(r.cur, &wk)\n", "	c.removeLocked(r.cur, &wk)\n	r.cause = contract.Closing(cause)\n", "TestOneReceiverClosesTwice"},
	{"a closed watch receiver gets the senders' cause", "watch/receiver.go", "		err = contract.Closed(r.cause)\n	case e.n != seen:\n		r.advance", "		err = contract.Closed(r.c.cause)\n	case e.n != seen:\n		r.advance", "watch_1/Xt_UrZr"},
	{"a oneshot that has sent closes with a cause", "oneshot/sender.go", "	if c.hasLocked(txFinished) {\n		c.Unlock()\n		return nil\n	}\n	c.state |=", "	c.state |=", "TestOneSenderClosesTwice"},
	{"the value of a oneshot is claimed twice", "oneshot/chan.go", "c.word.CompareAndSwap(full, emptied)", "c.word.CompareAndSwap(full, full)", "oneshot_1/ss_ry"},
	{"the value of a oneshot with gates is claimed", "oneshot/chan.go", "	return c.word.Load() == full && c.word.CompareAndSwap(full, emptied)\n",
		"	v := c.word.Load()\n	return v&^gated == full && c.word.CompareAndSwap(v, v^full^emptied)\n", "oneshot_1/se_r"},
	{"a oneshot that is locked is locked again", "oneshot/lock.go", "v&locked != 0 || ", "", "oneshot_1/s_R_c"},
	{"a sleeper for the lock of a oneshot is not noted", "oneshot/lock.go", "c.word.CompareAndSwap(v, v|waiting)", "c.word.CompareAndSwap(v, v)", "oneshot_1/s_R_c"},
	{"a receiver of a oneshot does not look again before it parks", "oneshot/receiver.go", "	case c.hasLocked(holds):\n		v = c.takeLocked()\n	case", "	case", "oneshot_1/s_r"},
	{"a loop ends without its cause", "internal/contract/contract.go", "	if err == ErrClosed {\n", "	if errors.Is(err, ErrClosed) {\n", "watch_1/sX_k"},
	{"Settled waits on after the last value", "watch/receiver.go", "if err != nil || final || due", "if err != nil || final && e == nil || due", "watch_1/sx_H"},
	{"Settled returns the first change at the end", "watch/receiver.go", "			return newest, err\n", "			return e, err\n", "watch_1/ss_H"},
	{"Settled does not sleep after the first change", "watch/receiver.go", "r.wait(ctx, e.n, timer.C)", "r.wait(ctx, seen, timer.C)", "watch_1/sx_H"},
	{"Settled does not see what it returns", "watch/receiver.go", "	if err == nil {\n		r.advance(seen, e.n)\n", "	if err == nil {\n", "watch_1/sx_hh"},
	{"Settled leaves Ready open", "watch/receiver.go", "		r.advance(seen, e.n)\n		v = e.value\n	}\n	r.rejoin()\n	runtime", "		r.advance(seen, e.n)\n		v = e.value\n	}\n	runtime", "TestSettledShutsReady"},
	{"Settled waits on when its receiver closes", "watch/receiver.go", "		if err != nil || final || due != nil && newest == e {\n", "		if err == leat.ErrEmpty || final || due != nil && newest == e {\n", "TestSettledOfAReceiverThatCloses"},
	{"a value is claimed from a locked head", "internal/fifo/fifo.go", "	if v&(locked|guarded) != 0 {", "	if v&guarded != 0 {", "mpsc_1/ss_rr"},
	{"a value is claimed in passing from a locked head", "internal/fifo/fifo.go", "	if v&(locked|guarded) != 0 || i == 0", "	if i == 0", "mpsc_2/ss_E_rr"},
	{"a value is claimed while a sender waits", "internal/queue/channel.go", "	c.values.Guard(!uncontended)\n", "", "mpsc_1/ss_rr"},
	{"a goroutine that locks the head does not see which values were claimed", "internal/fifo/fifo.go",
		"	q.Head.Lock()\n	q.Head.next = q.Head.word.Load() &^ (locked | waiting)\n", "	q.Head.Lock()\n", "mpsc_1/ss_rr"},
	{"values are claimed although one was evicted", "internal/fifo/fifo.go",
		"		q.from, q.claims = &reader[T]{seg: q.popped()}, false\n		q.Guard(true)\n",
		"		q.from = &reader[T]{seg: q.popped()}\n", "TestClaimBesideEvictions"},
	{"a segment is used again that the receiver may be in", "internal/fifo/fifo.go",
		"		q.kept = q.from.seg\n", "", "TestClaimBesideEvictions"},
	{"a segment is used again when its last value is claimed", "internal/fifo/fifo.go",
		"(max(q.Tail.seen, 1)-1)&^q.mask", "q.Tail.seen&^q.mask", "TestClaimBesideEvictions"},
	{"a push does not note that the channel holds values", "internal/fifo/fifo.go",
		"		q.Tail.next = (q.Tail.next + uint64(k)*one) | marked\n", "		q.Tail.next += uint64(k) * one\n",
		"mpmc_2/B_yy"},
	{"a pop notes that the channel is empty although it holds values", "internal/queue/rx.go",
		"c.values.Tail.Mark(c.values.Len() > 0 || c.endingLocked())", "c.values.Tail.Mark(c.endingLocked())",
		"mpmc_2/tt_yy"},
	{"a channel with one lock does not note its end", "internal/queue/channel.go",
		"c.values.Tail.Mark(c.values.Len() > 0 || c.endingLocked())", "c.values.Tail.Mark(c.values.Len() > 0)",
		"mpmc_1/tx_yy"},
	{"TryRecv with one lock does not heed a step that is not finished", "internal/fifo/fifo.go",
		"e.word.Load()&(marked|locked) != 0", "e.word.Load()&marked != 0", "TestTrySeesWhatDoneTells"},
	{"a Select does not heed a step that is not finished", "internal/fifo/fifo.go",
		"return tail&locked == 0 && ", "return ", "TestSelectSeesWhatReadyTells"},
	{"a pop with one lock erases the note of the end", "internal/queue/rx.go",
		"c.values.Tail.Mark(c.values.Len() > 0 || c.endingLocked())", "c.values.Tail.Mark(c.values.Len() > 0)",
		"mpmc_1/tx_yy"},
	{"a sender with one lock does not see the head's position", "internal/fifo/fifo.go",
		"	if q.oneLock {\n", "	if false {\n", "mpmc_1/BB_NN"},
	{"the head is free before the tail is published", "internal/fifo/fifo.go", "		q.Tail.publish()\n", "", "mpmc_2/b_n_n"},
}

// It fails if a planted defect is not found, or cannot be planted, because the
// line has changed. With -short it plants a third of them, each day another.
func TestFindsPlantedDefects(t *testing.T) {
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range planted {
		if text, err := os.ReadFile(filepath.Join(root, p.file)); err != nil || strings.Count(string(text), p.old) != 1 {
			t.Errorf("%s: %s does not hold, exactly once: %s (%v)", p.name, p.file, p.old, err)
		}
	}
	if !*plant {
		t.Skip("each defect needs a build of its own; run it with -plant")
	}
	for i, p := range planted {
		if testing.Short() && i%3 != time.Now().YearDay()%3 {
			continue
		}
		t.Run(strings.ReplaceAll(p.name, " ", "_"), func(t *testing.T) {
			t.Parallel() // most of the time goes into builds, which do not use all cores
			file := filepath.Join(root, p.file)
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			changed := filepath.Join(t.TempDir(), "changed.go")
			if err := os.WriteFile(changed, []byte(strings.Replace(string(text), p.old, p.new, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{file: changed}})
			if err != nil {
				t.Fatal(err)
			}
			list := filepath.Join(t.TempDir(), "overlay.json")
			if err := os.WriteFile(list, overlay, 0o600); err != nil {
				t.Fatal(err)
			}
			programs := strings.NewReplacer("mpsc_", "mpsc2?_", "mpmc_", "mpmc2?_").Replace(p.programs) // with one lock, or two
			pattern := "^Test(EveryInterleaving|LargeNumbers)$/^" + programs + "$"
			if strings.HasPrefix(p.programs, "Test") {
				pattern = "^" + p.programs + "$"
			}
			// Not to inline shortens the build by a fifth.
			out, err := exec.Command("go", "test", "-vet=off", "-gcflags=-l", "-tags", "modelcheck", "-overlay", list, "-run", pattern, ".").CombinedOutput()
			if err == nil || !strings.Contains(string(out), "to run it again") {
				t.Fatalf("not found by %s: %v\n%s", p.programs, err, out)
			}
			found := strings.SplitN(string(out), "to run it again", 2)[0]
			lines := strings.Split(strings.TrimSpace(found), "\n")
			t.Log(strings.TrimSpace(lines[len(lines)-1]))
		})
	}
}
