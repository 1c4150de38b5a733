package natschan

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// The answers to a delivery.
const (
	ack        = "+ACK"
	nak        = "-NAK"
	term       = "+TERM"
	inProgress = "+WPI"
)

// acknowledge tells the server that d was received, and reports whether d may
// be handed out. It may not if the consumer is gone: then d is redelivered, to
// another receiver or to this one.
func (r *receiver) acknowledge(d *delivery) bool {
	if !r.acks {
		return true
	}
	return !errors.Is(r.acknowledgeOne(d), ErrFenced)
}

func (r *receiver) acknowledgeOne(d *delivery) error {
	if r.takesAhead() && !r.bounded {
		return r.acknowledgeAhead(d)
	}
	return r.settle(d, ack, r.confirms)
}

// answer is what the methods of Msg do. It asks the server to confirm, so that
// the caller learns whether d is still the receiver's.
func (r *receiver) answer(d *delivery, what string) error {
	if !r.acks {
		return nil
	}
	if what == ack || what == term {
		return r.settle(d, what, true)
	}
	err := r.request(d.msg.Reply, what)
	if errors.Is(err, nats.ErrNoResponders) {
		return r.fenced()
	}
	return r.failed(err)
}

// settle tells the server what became of d. If the server does not answer,
// nobody knows whether it got that: then d comes again, and is known.
func (r *receiver) settle(d *delivery, what string, confirm bool) (err error) {
	if confirm {
		err = r.request(d.msg.Reply, what)
	} else {
		err = r.nc.Publish(d.msg.Reply, []byte(what))
	}
	if errors.Is(err, nats.ErrNoResponders) {
		return r.fenced()
	}
	r.settled(d, confirm && err == nil)
	return r.failed(err)
}

// request sends an answer to the delivery whose reply subject it is given, and
// waits until the server has confirmed it.
func (r *receiver) request(reply, what string) error {
	m := &nats.Msg{Subject: reply, Data: []byte(what)}
	_, err := r.requester.request(context.Background(), m, attemptTimeout)
	return err
}

// settled notes that the server has got the answer to d, or will get it.
func (r *receiver) settled(d *delivery, confirmed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.position.settle(d.seq, &r.policy)
	if r.resumes && !confirmed {
		r.place.acked = d.msg.Reply
	}
	if r.bounded {
		r.hintLocked()
	}
	if r.ending.sealed && len(r.position.unsettled) == 0 { // this may be the end
		r.events.all()
		r.kick()
	}
}

// hintLocked tells senders that there is room: when half of the capacity is
// free since the last hint, or nothing else is here to be received.
func (r *receiver) hintLocked() {
	if r.freed++; r.buffer.empty() || r.freed >= r.ch.Capacity/2 {
		r.freed = 0
		r.nc.Publish(r.ch.spaceSubject(), nil)
	}
}

// fenced has attend check the consumer, which does not answer.
func (r *receiver) fenced() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.demand.failed = true
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
		r.nc.Publish(d.msg.Reply, []byte(inProgress))
	}
}
