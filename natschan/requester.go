package natschan

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// A requester sends requests to the server, one at a time, and waits for the
// answer to each. It does what nats.Conn.RequestMsgWithContext does, at a lower
// cost. The connection puts each answer straight into a channel of the
// requester; the client would first wake a goroutine that looks up whom the
// answer is for. And the requester does not set a timer for each request, which
// is usually stopped a few microseconds later. While a request is under way,
// others go by the client's own means.
type requester struct {
	nc      *nats.Conn
	answers chan *nats.Msg // to the request under way, and late ones to earlier requests
	wake    chan struct{}  // holds a token if the request under way should look at ended and due
	ended   atomic.Bool    // sub has: the connection is closed, or being drained

	mu     sync.Mutex
	busy   bool        // a request is under way
	closed bool        // sub is not needed any more
	due    time.Time   // when the request under way has waited for long enough
	timer  *time.Timer // calls ring
	rings  time.Time   // when, or zero. Never after due while a request is under way

	// Of the request under way.
	sub   *nats.Subscription // of all answers, or nil before the first request
	inbox string             // that of sub, without the last token
	count uint64             // of requests
}

// An answer can come after its request has been given up. At most so many of
// them wait for the next request.
const lateAnswers = 8

func newRequester(nc *nats.Conn) requester {
	return requester{nc: nc, answers: make(chan *nats.Msg, lateAnswers), wake: make(chan struct{}, 1)}
}

// request sends m, and returns the answer. It blocks until there is one, or ctx
// ends, or patience is over: then the error is context.DeadlineExceeded. It
// sets m.Reply.
func (r *requester) request(ctx context.Context, m *nats.Msg, patience time.Duration) (*nats.Msg, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !r.begin(patience) {
		return r.byClient(ctx, m, patience)
	}
	defer r.end()
	if err := r.subscribe(); err != nil {
		return nil, err
	}
	r.count++
	m.Reply = r.inbox + strconv.FormatUint(r.count, 36)
	if err := r.nc.PublishMsg(m); err != nil {
		return nil, err
	}
	for {
		select {
		case answer := <-r.answers:
			if answer.Subject == m.Reply {
				return answer, judgeStatus(answer)
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-r.wake:
			if r.ended.Load() {
				return r.again(ctx, m, patience)
			}
			if r.isDue() {
				return nil, context.DeadlineExceeded
			}
		}
	}
}

// byClient is request by the client's own means. It is also for a connection
// that is closed or being drained. Draining ends the requester's subscription
// first, and the client's last.
func (r *requester) byClient(ctx context.Context, m *nats.Msg, patience time.Duration) (*nats.Msg, error) {
	own, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return r.nc.RequestMsgWithContext(own, m)
}

// again sends a request again whose answer will not come, since the connection
// is being drained. If it is closed, the error is errCut.
func (r *requester) again(ctx context.Context, m *nats.Msg, patience time.Duration) (*nats.Msg, error) {
	answer, err := r.byClient(ctx, m, patience)
	if errors.Is(err, nats.ErrConnectionClosed) {
		err = errCut
	}
	return answer, err
}

// errCut means that the connection was closed while a request was under way.
// The server may have got it.
var errCut = fmt.Errorf("%w before the answer", nats.ErrConnectionClosed)

// judgeStatus returns nats.ErrNoResponders if the server has answered that
// nobody listens.
func judgeStatus(answer *nats.Msg) error {
	if len(answer.Data) == 0 && answer.Header.Get("Status") == "503" {
		return nats.ErrNoResponders
	}
	return nil
}

// subscribe makes the subscription, before the first request. The server takes
// it before the request, since both come by the same connection.
func (r *requester) subscribe() error {
	if r.sub != nil {
		return nil
	}
	inbox := r.nc.NewInbox() + "."
	sub, err := r.nc.ChanSubscribe(inbox+"*", r.answers)
	if err != nil {
		return err
	}
	sub.SetClosedHandler(func(string) { r.subscriptionEnded() })
	if !sub.IsValid() { // it ended before it had the handler
		r.subscriptionEnded()
	}
	r.sub, r.inbox = sub, inbox
	return nil
}

// subscriptionEnded must not lock mu: the client calls it with locks held that
// requests take.
func (r *requester) subscriptionEnded() {
	r.ended.Store(true)
	r.wakeUp()
}

func (r *requester) wakeUp() {
	select {
	case r.wake <- struct{}{}:
	default: // there is a token
	}
}

// begin reports whether the caller's request may be the one under way, and has
// it woken when patience is over. A timer that runs already, and rings earlier,
// stays as it is: ring sets it again.
func (r *requester) begin(patience time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.busy || r.closed || r.ended.Load() {
		return false
	}
	r.busy, r.due = true, time.Now().Add(patience)
	if r.rings.IsZero() || r.due.Before(r.rings) {
		r.setTimerLocked(patience)
	}
	return true
}

func (r *requester) setTimerLocked(d time.Duration) {
	r.rings = r.due
	if r.timer == nil {
		r.timer = time.AfterFunc(d, r.ring)
	} else {
		r.timer.Reset(d)
	}
}

// ring wakes the request under way if it is due, and sets the timer again if it
// is not.
func (r *requester) ring() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rings = time.Time{}
	if !r.busy {
		return
	}
	if rest := time.Until(r.due); rest > 0 {
		r.setTimerLocked(rest)
	} else {
		r.wakeUp()
	}
}

func (r *requester) isDue() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !time.Now().Before(r.due)
}

func (r *requester) end() {
	r.mu.Lock()
	r.busy = false
	closed := r.closed
	r.mu.Unlock()
	if closed {
		r.unsubscribe()
	}
}

// close ends the subscription, as soon as no request is under way. Later
// requests go by the client's own means.
func (r *requester) close() {
	r.mu.Lock()
	idle := !r.busy && !r.closed
	r.closed = true
	r.mu.Unlock()
	if idle {
		r.unsubscribe()
	}
}

func (r *requester) unsubscribe() {
	if r.sub != nil {
		r.sub.Unsubscribe()
	}
}
