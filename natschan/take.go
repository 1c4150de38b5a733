package natschan

import (
	"context"
	"strconv"
	"time"

	"github.com/leat-go/leat"
	"github.com/nats-io/nats.go"
)

// arrive is called, one at a time, for each message that the server sends to the
// inbox: a value, or a status. The subject for the acknowledgement tells them
// apart, and nothing else does: the header and the body of a value belong to
// its sender, who may make them look like a status.
func (r *receiver) arrive(m *nats.Msg) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heard = time.Now()
	meta, err := m.Metadata()
	if err != nil { // only a value has a subject for its acknowledgement
		r.status(m.Header)
		return
	}
	if meta.Consumer != r.consumer || r.resetting {
		return // of a consumer that is no more
	}
	if r.closed && r.over != nil {
		if r.acks {
			r.nc.Publish(m.Reply, []byte("-NAK"))
		}
		return
	}
	r.asked = max(0, r.asked-1)
	r.answering = false
	if !r.shared {
		if meta.Sequence.Consumer != r.cseq+1 { // what is between was lost on its way
			r.resetting = true
			r.kick()
			return
		}
		r.cseq++
	}
	d := &delivery{msg: m, seq: meta.Sequence.Stream, deliveries: int(meta.NumDelivered), at: r.heard, old: r.waiting == 0 || r.newestOnly && r.askedIn != r.calls}
	if r.shared && d.old && !r.gate.asked && !r.closed { // who asked has given up: let others have it
		r.nc.Publish(m.Reply, []byte("-NAK"))
		return
	}
	if meta.NumDelivered > 1 {
		for i, earlier := range r.buf {
			if earlier.seq == d.seq {
				r.buf[i] = d
				return
			}
		}
	}
	r.buf = append(r.buf, d)
	r.gate.set(true)
	r.events.all()
}

// status is what the server says of a request instead of a value. The mutex is held.
func (r *receiver) status(h nats.Header) {
	status := h.Get("Status")
	if status == "100" { // it is alive
		return
	}
	unmet := r.asked
	if n, err := strconv.Atoi(h.Get("Nats-Pending-Messages")); err == nil {
		unmet = n
	}
	r.asked = max(0, r.asked-unmet)
	r.answering = false
	if status != "404" && status != "408" { // not just an end of the request
		r.asked = 0
		r.heard = time.Time{} // so that attend looks what is wrong
		r.kick()
		return
	}
	r.events.all()
	if r.gate.asked {
		r.kick()
	}
}

// take returns the first value in buf, or why none will come, or neither. The mutex is held.
func (r *receiver) take() (*delivery, error) {
	defer func() { r.gate.set(len(r.buf) > 0) }()
	for len(r.buf) > 0 {
		d := r.buf[0]
		if gap := d.seq - r.seq - 1; r.lags && d.seq > r.seq && gap > 0 {
			r.seq += gap
			r.missed.Add(gap)
			d.old = true
			return nil, &leat.LaggedError{Missed: gap}
		}
		r.buf[0] = nil
		if r.buf = r.buf[1:]; len(r.buf) == 0 {
			r.buf = nil
			if r.sealed {
				r.kick()
			}
		}
		switch {
		case r.known(d):
			r.nc.Publish(d.msg.Reply, []byte("+ACK"))
			continue
		case r.shared && time.Since(d.at) > r.ch.AckWait*3/4:
			continue // the server gives it to somebody else now
		}
		if d.deliveries == 1 && (d.seq <= r.given || r.unsettled[d.seq]) {
			d.deliveries++ // a new consumer has not counted what an earlier one did
		}
		r.seq = max(r.seq, d.seq)
		if r.acks {
			r.unsettled[d.seq] = true
		}
		if r.gate.asked {
			r.ask(pullExpires)
		}
		return d, nil
	}
	return nil, r.over
}

// known reports whether d was received already. The mutex is held.
func (r *receiver) known(d *delivery) bool {
	switch {
	case !r.acks:
		return d.seq <= r.seq
	case r.shared:
		return r.settled.has(d.seq)
	}
	return d.seq <= r.seq && !r.unsettled[d.seq]
}

// refresh makes sure that the first value in buf, which no call that goes on has asked for, is not outdated. If it is, it is dropped, and
// a Broadcast's receiver is told what it missed.
func (r *receiver) refresh(ctx context.Context) error {
	info, err := r.info(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.buf) == 0 {
		return nil // another call has it
	}
	if err != nil || info.State.FirstSeq <= r.buf[0].seq {
		r.buf[0].old = false
		return nil
	}
	r.buf = nil // such receivers take one ahead
	r.gate.set(false)
	gap := max(r.seq, info.State.FirstSeq-1) - r.seq
	r.seq += gap
	if !r.lags || gap == 0 {
		return nil
	}
	r.missed.Add(gap)
	return &leat.LaggedError{Missed: gap}
}
