package natschan

import (
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

func newDelivery(m *nats.Msg, meta *nats.MsgMetadata) *delivery {
	return &delivery{msg: m, seq: meta.Sequence.Stream, deliveries: int(meta.NumDelivered), at: time.Now()}
}

// arrive is called, one at a time, for each message that the server sends to the
// inbox: a value, or a status. The subject for the acknowledgement tells them
// apart, and nothing else does: the header and the body of a value belong to
// its sender, who may make them look like a status.
func (r *receiver) arrive(m *nats.Msg) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.demand.heard = time.Now()
	meta, err := m.Metadata()
	switch {
	case err != nil: // only a value has a subject for its acknowledgement
		r.statusLocked(m.Header)
	case meta.Consumer == r.place.consumer && !r.place.lost:
		r.valueLocked(m, meta)
	} // or it is of a consumer that does not exist any more
}

// valueLocked buffers a value of the receiver's consumer, or returns it.
func (r *receiver) valueLocked(m *nats.Msg, meta *nats.MsgMetadata) {
	if r.ending.closed && r.ending.over != nil {
		if r.acks {
			r.returnLocked(m)
		}
		return
	}
	r.demand.asked = max(0, r.demand.asked-1)
	r.demand.answering = false
	if !r.shared && !r.inOrderLocked(meta) {
		return
	}
	d := newDelivery(m, meta)
	d.old = r.demand.callers == 0 || r.newestOnly && r.demand.askedIn != r.demand.calls
	if r.shared && d.old && !r.buffer.gate.asked && !r.ending.closed {
		r.returnLocked(m) // the caller has given up: let others have it
		return
	}
	if d.deliveries > 1 && r.buffer.replace(d) {
		return
	}
	r.buffer.put(d)
	r.events.all()
}

// inOrderLocked reports whether the value follows the one that arrived last. If
// it does not, those between were lost on their way, and attend makes the
// consumer again.
func (r *receiver) inOrderLocked(meta *nats.MsgMetadata) bool {
	if meta.Sequence.Consumer != r.place.arrived+1 {
		r.place.lost = true
		r.kick()
		return false
	}
	r.place.arrived++
	return true
}

// statusLocked is for what the server says of a request instead of a value.
func (r *receiver) statusLocked(h nats.Header) {
	status := h.Get("Status")
	if status == "100" { // it is alive
		return
	}
	unmet := r.demand.asked
	if n, err := strconv.Atoi(h.Get("Nats-Pending-Messages")); err == nil {
		unmet = n
	}
	r.demand.asked = max(0, r.demand.asked-unmet)
	r.demand.answering = false
	if status != "404" && status != "408" { // not just an end of the request
		r.demand.asked = 0
		r.demand.failed = true
		r.kick()
		return
	}
	r.events.all()
	if r.buffer.gate.asked {
		r.kick()
	}
}

// returnLocked has the server redeliver a value at once.
func (r *receiver) returnLocked(m *nats.Msg) {
	r.nc.Publish(m.Reply, []byte(nak))
}
