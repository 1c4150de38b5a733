package leattest_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/leattest"
)

// A defect is a kind that breaks one promise, and the test of the suite that
// has to say so.
type defect struct {
	name   string
	caught string
	kind   leattest.Kind
}

var (
	queue    = leattest.Features{SingleReceiver: true}
	lossy    = leattest.Features{Broadcast: true, Lossy: true, SingleReceiver: true}
	lossless = leattest.Features{Broadcast: true, SingleReceiver: true}
	latest   = leattest.Features{Latest: true, SingleReceiver: true}
)

// onSender and onReceiver break one side of a channel.
func onSender(f leattest.Features, set func(*core, *tx, sender)) leattest.Kind {
	return broken(f, func(c *core, s sender) leat.Sender[int] { t := &tx{sender: s}; set(c, t, s); return t }, nil)
}

func onReceiver(f leattest.Features, set func(*core, *rx, receiver)) leattest.Kind {
	return broken(f, nil, func(c *core, r receiver) leat.Receiver[int] { x := &rx{receiver: r}; set(c, x, r); return x })
}

var defects = []defect{
	{"a sender drops one value in fifty", "R8_received_exactly_once", onSender(queue, func(_ *core, t *tx, s sender) {
		t.send = func(ctx context.Context, v int) error {
			if v%50 == 49 {
				return nil
			}
			return s.Send(ctx, v)
		}
	})},
	{"a receiver delivers one value in fifty twice", "R8_received_exactly_once", onReceiver(queue, func(_ *core, x *rx, r receiver) {
		again := -1
		x.recv = func(ctx context.Context) (int, error) {
			if v := again; v >= 0 {
				again = -1
				return v, nil
			}
			v, err := r.Recv(ctx)
			if err == nil && v%50 == 49 {
				again = v
			}
			return v, err
		}
	})},
	{"a receiver takes the second value first", "R7_FIFO_per_sender", onReceiver(queue, func(_ *core, x *rx, r receiver) {
		var kept []int
		x.recv = func(ctx context.Context) (int, error) {
			if len(kept) > 0 {
				v := kept[0]
				kept = nil
				return v, nil
			}
			v, err := r.Recv(ctx)
			if second, none := r.TryRecv(); err == nil && none == nil {
				kept = append(kept, v)
				return second, nil
			}
			return v, err
		}
	})},
	{"the lag is one too small", "R8_lag_is_what_was_overwritten", onReceiver(lossy, func(_ *core, x *rx, r receiver) {
		x.recv = func(ctx context.Context) (int, error) {
			v, err := r.Recv(ctx)
			if lag, ok := err.(*leat.LaggedError); ok {
				return 0, &leat.LaggedError{Missed: lag.Missed - 1}
			}
			return v, err
		}
	})},
	{"a lag is not told", "R8_received_exactly_once", onReceiver(lossy, func(_ *core, x *rx, r receiver) {
		x.recv = func(ctx context.Context) (int, error) {
			for {
				v, err := r.Recv(ctx)
				if _, ok := err.(*leat.LaggedError); !ok {
					return v, err
				}
			}
		}
	})},
	{"the capacity of a lossy broadcast is rounded", "R8_lag_has_exact_capacity", rounded(lossy, func(n int) int {
		for n&(n-1) != 0 {
			n++
		}
		return n
	})},
	{"the capacity is one more", "R9_capacity_is_exact", rounded(queue, func(n int) int { return n + 1 })},
	{"TrySend takes the room of a sender that waits", "R6_try_never_overtakes_a_waiting_sender", barging(false)},
	{"the last sender to wait is served first", "R7_100_waiting_senders_are_served_in_order", barging(true)},
	{"a second Close panics", "R3_close_is_idempotent", onSender(queue, func(_ *core, t *tx, s sender) {
		closed := make(chan struct{})
		t.close = func() error { close(closed); return s.Close() }
	})},
	{"Send looks at its ctx only when it waits", "R2_done_context_fails_at_entry", onSender(queue, func(_ *core, t *tx, s sender) {
		t.send = func(ctx context.Context, v int) error {
			if err := s.TrySend(v); !errors.Is(err, leat.ErrFull) {
				return err
			}
			return s.Send(ctx, v)
		}
	})},
	{"the error of a ctx is wrapped", "R2_done_context_fails_at_entry", onReceiver(queue, func(_ *core, x *rx, r receiver) {
		x.recv = func(ctx context.Context) (int, error) {
			v, err := r.Recv(ctx)
			return v, wrapped(err)
		}
	})},
	{"a nil ctx waits for ever", "R13_nil_context_panics", onSender(queue, func(_ *core, t *tx, s sender) {
		t.send = func(ctx context.Context, v int) error {
			if ctx == nil {
				ctx = context.Background()
			}
			return s.Send(ctx, v)
		}
	})},
	{"a cancelled Send is sent later", "R1_timed_out_send_leaves_no_waiter", broken(queue,
		func(c *core, s sender) leat.Sender[int] {
			return &tx{sender: s, send: func(ctx context.Context, v int) error {
				err := s.Send(ctx, v)
				if err != nil && err == ctx.Err() {
					c.mu.Lock()
					c.values = append(c.values, v)
					c.mu.Unlock()
				}
				return err
			}}
		},
		func(c *core, r receiver) leat.Receiver[int] {
			return &rx{receiver: r, tryRecv: func() (int, error) {
				c.mu.Lock()
				defer c.mu.Unlock()
				if len(c.values) > 0 {
					v := c.values[0]
					c.values = c.values[1:]
					return v, nil
				}
				return r.TryRecv()
			}}
		})},
	{"a cancelled Recv swallows a value", "R1_cancelled_receive_loses_nothing", onReceiver(queue, func(_ *core, x *rx, r receiver) {
		x.recv = func(ctx context.Context) (int, error) {
			v, err := r.Recv(ctx)
			if err == nil && ctx.Err() != nil {
				return 0, ctx.Err()
			}
			return v, err
		}
	})},
	{"a Recv that has its value looks at its ctx again", "R2_value_in_hand_beats_cancel_recv", onReceiver(queue, func(_ *core, x *rx, r receiver) {
		x.recv = func(ctx context.Context) (int, error) {
			v, err := r.Recv(ctx)
			if err == nil && ctx.Err() != nil {
				return 0, ctx.Err()
			}
			return v, err
		}
	})},
	{"the receiver's Close discards accepted values", "R5_accepted_survives_receiver_close", onReceiver(queue, func(_ *core, x *rx, r receiver) {
		x.close = func() error {
			err := r.Close()
			for {
				if _, empty := r.TryRecv(); empty != nil {
					return err
				}
			}
		}
	})},
	{"the receiver's Close lets senders wait", "R5_receiver_close_wakes_senders", onReceiver(queue, func(_ *core, x *rx, _ receiver) {
		x.close = func() error { return nil }
	})},
	{"the first handle to close ends the channel", "R4_last_handle_ends_the_channel", onSender(queue, func(c *core, t *tx, s sender) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.handles = append(c.handles, s)
		t.close = func() error {
			c.mu.Lock()
			defer c.mu.Unlock()
			for _, h := range c.handles {
				h.Close()
			}
			return nil
		}
	})},
	{"a closed handle goes on sending", "R3_closed_handle_sends_nothing", onSender(queue, func(c *core, t *tx, s sender) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.handles = append(c.handles, s)
		open := true
		t.close = func() error {
			c.mu.Lock()
			defer c.mu.Unlock()
			if open {
				open = false
				c.values = append(c.values, 0) // one more handle is closed
			}
			if len(c.values) == len(c.handles) {
				for _, h := range c.handles {
					h.Close()
				}
			}
			return nil
		}
	})},
	{"a cause reaches nobody", "R4_receivers_get_the_cause_after_the_rest", onSender(queue, func(_ *core, t *tx, s sender) {
		t.cause = func(error) error { return s.Close() }
	})},
	{"the last handle's cause counts", "R4_the_first_cause_counts", onSender(queue, func(c *core, t *tx, s sender) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.handles = append(c.handles, s)
		t.cause = func(cause error) error {
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.values = append(c.values, 0); len(c.values) == len(c.handles) {
				return s.CloseWith(cause)
			}
			return s.Close()
		}
	})},
	{"a closed handle does not keep its cause", "R3_a_closed_handle_has_its_own_cause", onSender(queue, func(_ *core, t *tx, s sender) {
		t.trySend = func(v int) error {
			if err := s.TrySend(v); !errors.Is(err, leat.ErrClosed) {
				return err
			}
			return leat.ErrClosed
		}
	})},
	{"a second CloseWith replaces the cause", "R3_CloseWith_of_a_closed_handle_does_nothing", onSender(queue, func(_ *core, t *tx, s sender) {
		var last error
		t.cause = func(cause error) error { last = cause; return s.CloseWith(cause) }
		t.trySend = func(v int) error {
			if err := s.TrySend(v); !errors.Is(err, leat.ErrClosed) || last == nil {
				return err
			}
			return &leat.ClosedError{Cause: last}
		}
	})},
	{"senders do not get the receiver's cause", "R5_senders_get_the_cause", onReceiver(queue, func(_ *core, x *rx, r receiver) {
		x.cause = func(error) error { return r.Close() }
	})},
	{"a broadcast receiver's cause is lost", "R5_a_receiver_is_closed_with_a_cause_of_its_own", onReceiver(lossy, func(_ *core, x *rx, r receiver) {
		x.cause = func(error) error { return r.Close() }
	})},
	{"Err forgets nothing at a break", "Err_says_why_a_loop_ended", onReceiver(queue, func(_ *core, x *rx, r receiver) {
		var first error
		x.loopErr = func() error {
			if first == nil {
				first = r.Err()
			}
			return first
		}
	})},
	{"Err does not tell the cause", "Err_says_why_a_loop_ended", onReceiver(queue, func(_ *core, x *rx, r receiver) {
		x.loopErr = func() error {
			if err := r.Err(); !errors.Is(err, leat.ErrClosed) {
				return err
			}
			return nil
		}
	})},
	{"Len counts one too many", "R9_len_counts_accepted", onSender(queue, func(_ *core, t *tx, s sender) {
		t.length = func() int {
			if n := s.Len(); n > 30 {
				return n + 1
			}
			return s.Len()
		}
	})},
	{"SendMany says that it sent one more", "R1_SendMany_tells_what_it_sent", onSender(queue, func(_ *core, t *tx, s sender) {
		t.many = func(ctx context.Context, vs []int) (int, error) {
			n, err := s.SendMany(ctx, vs)
			if err != nil && n > 0 {
				n++
			}
			return n, err
		}
	})},
	{"RecvMany waits until its buffer is full", "R7_RecvMany_waits_for_one", onReceiver(queue, func(_ *core, x *rx, r receiver) {
		x.many = func(ctx context.Context, buf []int) (int, error) {
			for i := range buf {
				v, err := r.Recv(ctx)
				if err != nil {
					return i, err
				}
				buf[i] = v
			}
			return len(buf), nil
		}
	})},
	{"TrySendMany sends all or nothing", "R6_TrySendMany_sends_what_fits", onSender(queue, func(_ *core, t *tx, s sender) {
		t.tryMany = func(vs []int) (int, error) {
			if len(vs) > s.Cap()-s.Len() {
				return 0, leat.ErrFull
			}
			return s.TrySendMany(vs)
		}
	})},
	{"TrySendMany takes the room of a sender that waits", "R6_TrySendMany_overtakes_nobody", barging(false)},
	{"TrySendMany wakes one receiver for all values", "R7_TrySendMany_serves_waiting_receivers", broken(leattest.Features{},
		func(c *core, s sender) leat.Sender[int] {
			return &tx{sender: s, tryMany: func(vs []int) (int, error) {
				if len(vs) == 0 {
					return 0, nil
				}
				if err := s.TrySend(vs[0]); err != nil {
					return 0, err
				}
				c.mu.Lock()
				c.values = append(c.values, vs[1:]...)
				c.mu.Unlock()
				return len(vs), nil
			}}
		}, nil)},
	{"TryRecvMany says that there is nothing if it cannot fill its buffer", "R6_TryRecvMany_takes_what_is_there",
		onReceiver(queue, func(_ *core, x *rx, r receiver) {
			x.tryMany = func(buf []int) (int, error) {
				if r.Len() < len(buf) {
					return 0, leat.ErrEmpty
				}
				return r.TryRecvMany(buf)
			}
		})},
	{"TryRecvMany makes room for one sender", "R9_TryRecvMany_makes_room_for_waiting_senders",
		onReceiver(queue, func(_ *core, x *rx, r receiver) {
			x.tryMany = func(buf []int) (int, error) { return r.TryRecvMany(buf[:min(len(buf), 1)]) }
		})},
	{"ForceSend drops the newest value", "R9_ForceSend_evicts_the_oldest_of_a_full_channel", onSender(queue, func(_ *core, t *tx, s sender) {
		t.force = func(v int) (int, bool, error) {
			err := s.TrySend(v)
			if errors.Is(err, leat.ErrFull) {
				return v, true, nil
			}
			return 0, false, err
		}
	})},
	{"ForceSend evicts before a sender that waits", "R6_ForceSend_overtakes_nobody", barging(false)},
	{"ForceSend counts permits as room", "R9_ForceSend_leaves_permits_alone", onSender(queue, func(_ *core, t *tx, s sender) {
		t.force = func(v int) (int, bool, error) {
			evicted, full, err := s.ForceSend(v)
			if s.Len() == 0 && errors.Is(err, leat.ErrFull) {
				return 0, false, nil
			}
			return evicted, full, err
		}
	})},
	{"ForceSend says full where a receiver waits", "R6_ForceSend_serves_waiting_receivers", onSender(queue, func(_ *core, t *tx, s sender) {
		t.force = func(v int) (int, bool, error) {
			_, _, err := s.ForceSend(v)
			return 0, true, err
		}
	})},
	{"ForceSend at capacity 0 is accepted without a receiver", "R6_ForceSend_needs_a_partner",
		onSender(leattest.Features{Rendezvous: true}, func(_ *core, t *tx, s sender) {
			t.force = func(v int) (int, bool, error) {
				evicted, full, err := s.ForceSend(v)
				if s.Cap() == 0 && errors.Is(err, leat.ErrFull) {
					return 0, false, nil
				}
				return evicted, full, err
			}
		})},
	{"ForceSend says full instead of closed", "R3_ForceSend_after_a_close", onSender(queue, func(_ *core, t *tx, s sender) {
		t.force = func(v int) (int, bool, error) {
			evicted, full, err := s.ForceSend(v)
			if s.Len() == s.Cap() && errors.Is(err, leat.ErrClosed) {
				return 0, true, leat.ErrFull
			}
			return evicted, full, err
		}
	})},
	{"an evicted value is not returned", "R8_received_or_evicted_exactly_once", onSender(queue, func(_ *core, t *tx, s sender) {
		t.force = func(v int) (int, bool, error) {
			_, _, err := s.ForceSend(v)
			return 0, false, err
		}
	})},
	{"RecvBatch takes the values that are there and does not wait for more", "R7_RecvBatch_collects_until_full",
		onReceiver(queue, func(_ *core, x *rx, r receiver) {
			x.batch = func(ctx context.Context, buf []int, _ time.Duration) (int, error) { return r.RecvMany(ctx, buf) }
		})},
	{"the age of a batch begins with the call", "R7_RecvBatch_ends_at_its_age", onReceiver(queue, func(_ *core, x *rx, r receiver) {
		x.batch = func(ctx context.Context, buf []int, maxAge time.Duration) (int, error) {
			begun := time.Now()
			v, err := r.Recv(ctx)
			if err != nil {
				return 0, err
			}
			buf[0] = v
			if left := maxAge - time.Since(begun); left > 0 {
				if n, err := r.RecvBatch(ctx, buf[1:], left); err == nil {
					return 1 + n, nil
				}
			}
			return 1, nil
		}
	})},
	{"the age of a batch begins again with each value", "R7_RecvBatch_ends_at_its_age", onReceiver(queue, func(_ *core, x *rx, r receiver) {
		x.batch = func(ctx context.Context, buf []int, maxAge time.Duration) (n int, err error) {
			for n < len(buf) {
				quiet := ctx
				if n > 0 {
					var cancel context.CancelFunc
					quiet, cancel = context.WithTimeout(ctx, maxAge)
					defer cancel()
				}
				v, err := r.Recv(quiet)
				if err != nil && n == 0 {
					return 0, err
				}
				if err != nil {
					return n, nil
				}
				buf[n] = v
				n++
			}
			return n, nil
		}
	})},
	{"RecvBatch without an age returns at once", "R7_RecvBatch_without_an_age_takes_what_is_there",
		onReceiver(queue, func(_ *core, x *rx, r receiver) {
			x.batch = func(ctx context.Context, buf []int, maxAge time.Duration) (int, error) {
				if maxAge <= 0 {
					return r.TryRecvMany(buf)
				}
				return r.RecvBatch(ctx, buf, maxAge)
			}
		})},
	{"RecvBatch returns its values with the error", "R1_RecvBatch_returns_what_it_has", onReceiver(queue, func(_ *core, x *rx, r receiver) {
		x.batch = func(ctx context.Context, buf []int, maxAge time.Duration) (int, error) {
			n, err := r.RecvBatch(ctx, buf, maxAge)
			if err == nil && n < len(buf) {
				if _, end := r.TryRecv(); errors.Is(end, leat.ErrClosed) {
					return n, end
				}
			}
			return n, err
		}
	})},
	{"RecvBatch looks at its ctx only when it waits", "R2_RecvBatch_fails_before_its_first_value",
		onReceiver(queue, func(_ *core, x *rx, r receiver) {
			x.batch = func(ctx context.Context, buf []int, maxAge time.Duration) (int, error) {
				if n, err := r.TryRecvMany(buf); err == nil {
					return n, nil
				}
				return r.RecvBatch(ctx, buf, maxAge)
			}
		})},
	{"RecvBatch leaves its values in the channel until there are enough", "R9_RecvBatch_makes_room",
		onReceiver(queue, func(_ *core, x *rx, r receiver) {
			x.batch = func(ctx context.Context, buf []int, maxAge time.Duration) (int, error) {
				for r.Len() < min(r.Cap(), len(buf)) {
					select {
					case <-ctx.Done():
						return 0, ctx.Err()
					case <-time.After(time.Second):
					}
				}
				return r.RecvMany(ctx, buf)
			}
		})},
	{"RecvBatch goes on after a gap", "R8_RecvBatch_stops_before_a_gap", onReceiver(lossy, func(_ *core, x *rx, r receiver) {
		x.batch = func(ctx context.Context, buf []int, maxAge time.Duration) (n int, err error) {
			for n == 0 || n < len(buf) && r.Len() > 0 {
				k, err := r.RecvBatch(ctx, buf[n:], maxAge)
				if err != nil && n == 0 {
					return 0, err
				}
				n += k
			}
			return n, nil
		}
	})},
	{"a value that comes with the end of the age is lost", "R8_RecvBatch_loses_nothing_at_its_age",
		onReceiver(queue, func(_ *core, x *rx, r receiver) {
			x.batch = func(ctx context.Context, buf []int, maxAge time.Duration) (int, error) {
				n, err := r.RecvBatch(ctx, buf, maxAge)
				if n == 2 {
					n--
				}
				return n, err
			}
		})},
	{"TryReserve takes the slot of a sender that waits", "R6_TryReserve_takes_a_slot_or_says_why_not", leattest.Kind{
		Name: "broken", Features: queue, New: func(_ testing.TB, capacity int) leattest.Channel {
			ch := leattest.NewReference(queue, capacity)
			ch.TryReserve = func() (leattest.Permit, error) {
				return permit{send: func(int) error { return nil }, release: func() {}}, nil
			}
			return ch
		},
	}},
	{"a permit dies with the receiver", "R5_permit_outlives_receiver_close", brokenPermit(
		func(c *core, p leattest.Permit) leattest.Permit {
			return permit{release: p.Release, send: func(v int) error {
				if c.isClosed() {
					p.Release()
					return leat.ErrClosed
				}
				return p.Send(v)
			}}
		},
		func(c *core, r receiver) leat.Receiver[int] { return noteClose(c, r) })},
	{"the end comes before the last permit", "R5_permit_outlives_receiver_close", brokenPermit(
		func(_ *core, p leattest.Permit) leattest.Permit { return p },
		func(c *core, r receiver) leat.Receiver[int] {
			x := noteClose(c, r)
			x.tryRecv = func() (int, error) {
				v, err := r.TryRecv()
				if errors.Is(err, leat.ErrEmpty) && c.isClosed() {
					err = leat.ErrClosed
				}
				return v, err
			}
			return x
		})},
	{"the last Release wakes nobody", "R5_last_permit_wakes_closed_receiver", brokenPermit(
		func(c *core, p leattest.Permit) leattest.Permit {
			return permit{send: p.Send, release: func() {
				c.mu.Lock()
				c.permits = append(c.permits, p)
				c.mu.Unlock()
			}}
		},
		func(c *core, r receiver) leat.Receiver[int] {
			late := func() {
				c.mu.Lock()
				defer c.mu.Unlock()
				for _, p := range c.permits {
					p.Release()
				}
			}
			return &rx{receiver: r, recv: func(ctx context.Context) (int, error) { late(); return r.Recv(ctx) }}
		})},
	{"a permit can be used twice", "R1_permit_is_used_once", brokenPermit(
		func(c *core, p leattest.Permit) leattest.Permit {
			return permit{release: p.Release, send: func(v int) error { p.Send(v); return nil }}
		}, nil)},
	{"Ready is always open", "R12_ready_tells_what_is_there", onReceiver(queue, func(_ *core, x *rx, _ receiver) {
		x.ready = func() <-chan struct{} { ready := make(chan struct{}); close(ready); return ready }
	})},
	{"Ready does not tell the end", "R12_ready_tells_the_end", onReceiver(queue, func(_ *core, x *rx, r receiver) {
		x.ready = func() <-chan struct{} {
			if r.Len() > 0 {
				return r.Ready()
			}
			return nil
		}
	})},
	{"closing a lossy broadcast takes a slot", "R8_close_never_evicts", onSender(lossy, func(_ *core, t *tx, s sender) {
		t.close = func() error { _ = s.TrySend(-1); return s.Close() }
	})},
	{"a broadcast receiver's Close closes the others", "R5_receiver_closes_for_itself", func() leattest.Kind {
		return broken(lossless, nil, func(c *core, r receiver) leat.Receiver[int] {
			return &rx{receiver: noteClose(c, r), recv: func(ctx context.Context) (int, error) {
				if c.isClosed() {
					return 0, leat.ErrClosed
				}
				return r.Recv(ctx)
			}}
		})
	}()},
	{"each channel has a goroutine", "R11_no_goroutine_is_left_behind", leattest.Kind{
		Name: "broken", Features: queue,
		New: func(_ testing.TB, capacity int) leattest.Channel {
			go func() { select {} }()
			return leattest.NewReference(queue, capacity)
		},
	}},
	{"a wait sleeps on a channel that New made", "R4_last_sender_wakes_receiver", broken(queue,
		func(c *core, s sender) leat.Sender[int] {
			return &tx{sender: s, close: func() error {
				err := s.Close()
				select {
				case c.tick <- struct{}{}:
				default:
				}
				return err
			}}
		},
		func(c *core, r receiver) leat.Receiver[int] {
			return &rx{receiver: r, recv: func(ctx context.Context) (int, error) {
				for {
					if v, err := r.TryRecv(); !errors.Is(err, leat.ErrEmpty) {
						return v, err
					}
					<-c.tick
				}
			}}
		})},
	{"a dropped handle stays open", "R4_dropped_sender_ends_the_channel", leattest.Kind{
		Name: "broken", Features: leattest.Features{SingleReceiver: true, AutoClose: true},
		New: func(_ testing.TB, capacity int) leattest.Channel { return leattest.NewReference(queue, capacity) },
	}},
	{"ctx is asked with a lock held", "R11_context_calls_the_channel", onSender(queue, func(_ *core, t *tx, s sender) {
		var mu sync.Mutex
		t.send = func(ctx context.Context, v int) error {
			mu.Lock()
			err := ctx.Err()
			mu.Unlock()
			if err != nil {
				return err
			}
			return s.Send(ctx, v)
		}
		t.length = func() int {
			mu.Lock()
			defer mu.Unlock()
			return s.Len()
		}
	})},
	{"TryRecv says now and then that there is nothing", "R6_sent_is_there", onReceiver(queue, func(_ *core, x *rx, r receiver) {
		n := 0
		x.tryRecv = func() (int, error) {
			if n++; n%7 == 0 { // odd, so that it meets each TryRecv of a test that calls it twice a round
				return 0, leat.ErrEmpty
			}
			return r.TryRecv()
		}
	})},
	{"after a SendMany of four, TrySend is full once", "random_operations_match_the_model", onSender(queue, func(_ *core, t *tx, s sender) {
		four := false
		t.many = func(ctx context.Context, vs []int) (int, error) { four = len(vs) == 4; return s.SendMany(ctx, vs) }
		t.trySend = func(v int) error {
			if four {
				four = false
				return leat.ErrFull
			}
			return s.TrySend(v)
		}
	})},
	{"Reserve at capacity 0 is granted", "R13_reserve_at_capacity_0_panics", leattest.Kind{
		Name: "broken", Features: leattest.Features{Rendezvous: true}, New: func(_ testing.TB, capacity int) leattest.Channel {
			ch := leattest.NewReference(leattest.Features{Rendezvous: true}, capacity)
			if capacity == 0 {
				ch.Reserve = func(context.Context) (leattest.Permit, error) {
					return permit{send: func(int) error { return nil }, release: func() {}}, nil
				}
			}
			return ch
		},
	}},
	{"two goroutines may wait in one receiver", "R13_second_receiving_goroutine_panics", leattest.Kind{
		Name: "broken", Features: queue,
		New: func(_ testing.TB, capacity int) leattest.Channel {
			return leattest.NewReference(leattest.Features{}, capacity)
		},
	}},
	{"a receiver's Next skips a gap that is not reported", "R8_values_are_numbered", onReceiver(lossy, func(_ *core, x *rx, r receiver) {
		x.next = func() uint64 { return r.Next() + max(uint64(r.Len()), 2) - 2 }
	})},
	{"From is one too far", "R8_From_starts_at_a_number", numbered(lossy, func(ch leattest.Channel, n uint64) leat.Receiver[int] {
		return ch.From(n + 1)
	})},
	{"From a number that is gone reports nothing", "R8_From_an_overwritten_number_lags_exactly", numbered(lossless,
		func(ch leattest.Channel, n uint64) leat.Receiver[int] {
			rx := ch.From(n)
			if lag, ok := rx.(leattest.Lener); ok && lag.Len() > ch.Sender.(leattest.Caper).Cap() {
				rx.TryRecv()
			}
			return rx
		})},
	{"From a number while values come skips one now and then", "R8_From_resumes_without_loss_or_repetition", numbered(lossless,
		func(ch leattest.Channel, n uint64) leat.Receiver[int] {
			rx := ch.From(n)
			if n%50 == 25 {
				rx.TryRecv()
			}
			return rx
		})},
	{"a receiver with patience never lapses", "R8_a_lapsed_receiver_lags_exactly", patient(lossless,
		func(ch leattest.Channel, _ time.Duration) leat.Receiver[int] { return ch.Subscribe() })},
	{"a receiver with patience is lossy from the start", "R8_a_lapsed_receiver_lags_exactly", patient(lossy,
		func(ch leattest.Channel, _ time.Duration) leat.Receiver[int] { return ch.Subscribe() })},
	{"a lapsed receiver stays lossy", "R8_a_lapsed_receiver_that_catches_up_is_lossless_again", patient(lossy,
		func(ch leattest.Channel, d time.Duration) leat.Receiver[int] {
			return lossyOnce(ch, d, func(err error) bool { return errors.As(err, new(*leat.LaggedError)) })
		})},
	{"patience does not begin again with each value", "R8_a_receiver_that_keeps_up_never_lapses", patient(lossy,
		func(ch leattest.Channel, d time.Duration) leat.Receiver[int] {
			made := time.Now()
			return lossyOnce(ch, d, func(error) bool { return time.Since(made) > d })
		})},
	{"senders wait for twice the patience", "senders_wait_at_most_the_patience", patient(lossless,
		func(ch leattest.Channel, d time.Duration) leat.Receiver[int] { return ch.LosslessFor(2 * d) })},
	{"a receiver has half of its patience", "patience_begins_again_when_all_senders_gave_up", patient(lossless,
		func(ch leattest.Channel, d time.Duration) leat.Receiver[int] { return ch.LosslessFor(d / 2) })},
	{"the first patience that is over counts for all", "each_receiver_has_its_own_patience", patient(lossless,
		func(ch leattest.Channel, d time.Duration) leat.Receiver[int] {
			return ch.LosslessFor(min(d, time.Second))
		})},
	{"a receiver cannot make others once it is closed", "R5_a_receiver_makes_receivers", listening(lossy,
		func(ch leattest.Channel, of leat.Receiver[int]) leat.Receiver[int] {
			rx := ch.Listen(of)
			if _, err := of.TryRecv(); err == leat.ErrClosed {
				rx.Close()
			}
			return rx
		})},
	{"WaitReceivers looks once, and then waits for ctx", "R5_WaitReceivers_waits_for_a_number", onSender(lossy, func(_ *core, t *tx, s sender) {
		t.wait = func(ctx context.Context, fn func(int) bool) (int, error) {
			if n := s.Receivers(); fn(n) {
				return n, nil
			}
			return s.WaitReceivers(ctx, func(int) bool { return false })
		}
	})},
	{"WaitReceivers outlives its handle", "R3_WaitReceivers_ends_with_its_handle", onSender(lossy, func(c *core, t *tx, s sender) {
		t.wait = func(ctx context.Context, fn func(int) bool) (int, error) {
			n, err := s.WaitReceivers(ctx, fn)
			if errors.Is(err, leat.ErrClosed) {
				<-ctx.Done()
				err = ctx.Err()
			}
			return n, err
		}
	})},
	{"the function of WaitReceivers runs with a lock held", "R11_WaitReceivers_calls_without_a_lock", onSender(lossy, func(_ *core, t *tx, s sender) {
		var mu sync.Mutex
		t.wait = func(ctx context.Context, fn func(int) bool) (int, error) {
			return s.WaitReceivers(ctx, func(n int) bool {
				mu.Lock()
				ok := fn(n)
				mu.Unlock()
				return ok
			})
		}
		t.trySend = func(v int) error {
			mu.Lock()
			defer mu.Unlock()
			return s.TrySend(v)
		}
	})},
	{"Settled counts quiet from the first change", "Settled_waits_for_quiet", onReceiver(latest, func(_ *core, x *rx, r receiver) {
		x.settled = func(ctx context.Context, quiet, atMost time.Duration) (int, error) {
			return r.Settled(ctx, quiet, quiet)
		}
	})},
	{"Settled counts atMost from its call", "Settled_waits_atMost", onReceiver(latest, func(_ *core, x *rx, r receiver) {
		x.settled = func(ctx context.Context, quiet, atMost time.Duration) (int, error) {
			if atMost > 0 {
				<-time.After(atMost)
				quiet = 0
			}
			return r.Settled(ctx, quiet, atMost)
		}
	})},
	{"a cancelled Settled has seen the value", "R1_a_cancelled_Settled_has_seen_nothing", onReceiver(latest, func(_ *core, x *rx, r receiver) {
		x.settled = func(ctx context.Context, quiet, atMost time.Duration) (int, error) {
			v, err := r.Settled(ctx, quiet, atMost)
			if err == context.Canceled {
				r.TryRecv()
			}
			return v, err
		}
	})},
	{"a burst is never forgotten", "R10_memory_goes_back_after_a_burst", onSender(leattest.Features{Unbounded: true}, func(c *core, t *tx, s sender) {
		t.trySend = func(v int) error { c.values = append(c.values, v); return s.TrySend(v) }
	})},
}

// numbered makes a kind whose From does something else, and listening one whose
// Listen does.
func numbered(f leattest.Features, from func(ch leattest.Channel, n uint64) leat.Receiver[int]) leattest.Kind {
	return leattest.Kind{Name: "broken", Features: f, New: func(_ testing.TB, capacity int) leattest.Channel {
		ch := leattest.NewReference(f, capacity)
		inner := ch
		ch.From = func(n uint64) leat.Receiver[int] { return from(inner, n) }
		return ch
	}}
}

func listening(f leattest.Features, listen func(ch leattest.Channel, of leat.Receiver[int]) leat.Receiver[int]) leattest.Kind {
	return leattest.Kind{Name: "broken", Features: f, New: func(_ testing.TB, capacity int) leattest.Channel {
		ch := leattest.NewReference(f, capacity)
		inner := ch
		ch.Listen = func(of leat.Receiver[int]) leat.Receiver[int] { return listen(inner, of) }
		return ch
	}}
}

// patient makes a kind whose LosslessFor does something else.
func patient(f leattest.Features, losslessFor func(ch leattest.Channel, d time.Duration) leat.Receiver[int]) leattest.Kind {
	return leattest.Kind{Name: "broken", Features: f, New: func(_ testing.TB, capacity int) leattest.Channel {
		ch := leattest.NewReference(f, capacity)
		inner := ch
		ch.LosslessFor = func(d time.Duration) leat.Receiver[int] { return losslessFor(inner, d) }
		return ch
	}}
}

// lossyOnce makes a receiver of a lossy broadcast that has patience until when
// returns true for the error of a receive, and then no more.
func lossyOnce(ch leattest.Channel, d time.Duration, when func(error) bool) leat.Receiver[int] {
	x := &rx{receiver: ch.LosslessFor(d).(receiver)}
	receive := func(f func() (int, error)) (int, error) {
		v, err := f()
		if when(err) {
			was := x.receiver
			x.receiver = ch.From(was.Next()).(receiver)
			was.Close()
		}
		return v, err
	}
	x.recv = func(ctx context.Context) (int, error) {
		return receive(func() (int, error) { return x.receiver.Recv(ctx) })
	}
	x.tryRecv = func() (int, error) { return receive(x.receiver.TryRecv) }
	return x
}

// rounded makes a kind with another capacity than it is asked for.
func rounded(f leattest.Features, to func(int) int) leattest.Kind {
	return leattest.Kind{Name: "broken", Features: f, New: func(_ testing.TB, capacity int) leattest.Channel {
		return leattest.NewReference(f, to(capacity))
	}}
}

// defectVar names the defect that this process is to run the suite on.
const defectVar = "LEATTEST_DEFECT"

// TestDefects shows that the suite can fail: each defect is caught by the test
// that is about it, which says what promise broke. The suite runs in a process
// of its own, because a failure is wanted, and some end the process.
func TestDefects(t *testing.T) {
	if name := os.Getenv(defectVar); name != "" {
		leattest.SetPatience(4 * time.Second)
		i := slices.IndexFunc(defects, func(d defect) bool { return d.name == name })
		leattest.Run(t, defects[i].kind)
		return
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range defects {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(exe, "-test.run=^TestDefects$/^broken$/^"+d.caught+"$", "-test.timeout=60s")
			cmd.Env = append(os.Environ(), defectVar+"="+d.name)
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) {
				t.Fatalf("%s did not notice (%v):\n%s", d.caught, err, out)
			}
			if !strings.Contains(string(out), d.caught) || !strings.Contains(string(out), "the promise: ") ||
				strings.Contains(string(out), "test timed out") {
				t.Fatalf("%s failed without an explanation:\n%s", d.caught, out)
			}
		})
	}
}

// A defect that a kind is known to have, by the name of the test that finds it,
// is a skip that says why, and leaves the other tests as they are. It fails if
// the test is run all the same, if the reason is lost, or if another test is
// skipped with it.
func TestBroken(t *testing.T) {
	const other = "R3_close_is_idempotent"
	d := defects[0]
	if os.Getenv(defectVar) != "" {
		d.kind.Broken = map[string]string{d.caught: "somebody is at it"}
		leattest.Run(t, d.kind)
		return
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run=^TestBroken$/^broken$/^("+d.caught+"|"+other+")$", "-test.v", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), defectVar+"="+d.name)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"--- SKIP: TestBroken/broken/" + d.caught,
		"broken is known not to pass: somebody is at it",
		"--- PASS: TestBroken/broken/" + other,
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("not printed: %s\n%s", want, out)
		}
	}
}
