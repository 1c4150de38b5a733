package natschan

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// acknowledge tells the server that d was received, and reports whether it may be handed out. It may not if the consumer is
// gone: then the value is given to somebody else, or to this receiver again.
func (r *receiver) acknowledge(d *delivery) bool {
	if !r.acks {
		return true
	}
	err := r.tell(d, "+ACK", r.confirms)
	return !errors.Is(err, ErrFenced)
}

// answer is what the methods of Msg do. It asks the server to confirm, so that
// the caller learns whether d is still the receiver's.
func (r *receiver) answer(d *delivery, what string, settles bool) error {
	if !r.acks {
		return nil
	}
	if settles {
		return r.tell(d, what, true)
	}
	err := r.request(d, what)
	if errors.Is(err, nats.ErrNoResponders) {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.fencedLocked()
	}
	return r.failed(err)
}

// request sends what about d, and waits until the server has confirmed it.
func (r *receiver) request(d *delivery, what string) error {
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	_, err := r.nc.RequestWithContext(ctx, d.msg.Reply, []byte(what))
	return err
}

// fencedLocked has attend look at the consumer, which does not answer.
func (r *receiver) fencedLocked() error {
	r.heard = time.Time{}
	r.asked = max(r.asked, 1)
	r.kick()
	return ErrFenced
}

// failed is err of an exchange, as a caller sees it.
func (r *receiver) failed(err error) error {
	if err == nil {
		return nil
	}
	return explain(r.nc, fmt.Errorf("natschan: %w", err))
}

// extend gives the caller of RecvMsg all of AckWait, if d has waited here.
func (r *receiver) extend(d *delivery) {
	if r.acks && time.Since(d.at) > r.ch.AckWait/4 {
		r.nc.Publish(d.msg.Reply, []byte("+WPI"))
	}
}

// tell settles d. If the server does not answer, nobody knows whether it did: then d comes again and is known.
func (r *receiver) tell(d *delivery, what string, confirm bool) (err error) {
	if confirm {
		err = r.request(d, what)
	} else {
		err = r.nc.Publish(d.msg.Reply, []byte(what))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if errors.Is(err, nats.ErrNoResponders) {
		return r.fencedLocked()
	}
	delete(r.unsettled, d.seq)
	if r.shared {
		r.settled.add(d.seq)
	}
	if r.bounded {
		if r.freed++; len(r.buf) == 0 || r.freed >= r.ch.Capacity/2 {
			r.freed = 0
			r.nc.Publish(r.ch.spaceSubject(), nil)
		}
	}
	if r.sealed && len(r.unsettled) == 0 { // this may be the end
		r.events.all()
		r.kick()
	}
	return r.failed(err)
}

// recent remembers the last sequences that were added.
type recent struct {
	set  map[uint64]bool
	ring []uint64
	next int
}

const recentSize = 1024

func (s *recent) has(seq uint64) bool { return s.set[seq] }

func (s *recent) add(seq uint64) {
	if s.set == nil {
		s.set, s.ring = make(map[uint64]bool), make([]uint64, recentSize)
	}
	delete(s.set, s.ring[s.next])
	s.ring[s.next], s.set[seq] = seq, true
	s.next = (s.next + 1) % recentSize
}
