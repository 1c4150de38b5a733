package natschan

import (
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

func newDelivery(m *nats.Msg, meta *nats.MsgMetadata, at time.Time) *delivery {
	return &delivery{msg: m, seq: meta.Sequence.Stream, deliveries: int(meta.NumDelivered), at: at}
}

// arrive is called, one at a time, for each message that the server sends to
// the inbox: a value, or a status. The subject for the acknowledgement tells
// them apart, and nothing else does: the header and the body of a value belong
// to its sender, who may make them look like a status.
func (r *receiver) arrive(m *nats.Msg) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.demand.heard = time.Now()
	meta, err := m.Metadata()
	switch {
	case err != nil: // only a value has a subject for its acknowledgement
		r.statusLocked(m)
	case meta.Consumer == r.place.consumer && !r.place.lost:
		r.valueLocked(m, meta)
	} // or it is of a consumer that does not exist any more
}

// valueLocked buffers a value of the receiver's consumer, or returns it.
func (r *receiver) valueLocked(m *nats.Msg, meta *nats.MsgMetadata) {
	d := newDelivery(m, meta, r.demand.heard)
	if r.ending.closed && r.ending.over != nil {
		if r.acks {
			r.returnLocked(d)
		}
		return
	}
	r.demand.asked = max(0, r.demand.asked-1)
	r.demand.answering, r.demand.probing = false, false
	if !r.shared && !r.inOrderLocked(meta) {
		return
	}
	d.old = r.demand.callers == 0 ||
		r.newestOnly && (r.demand.askedIn != r.demand.calls || r.ch.Replicas > 1) // a replica sends what it has
	if d.deliveries > 1 && r.buffer.replace(d) {
		return
	}
	if r.shared && !r.ending.closed && r.surplusLocked(d) {
		r.returnLocked(d)
		return
	}
	r.buffer.put(d)
	if r.takesAhead() {
		r.expectLocked(d)
	}
	r.events.all()
}

// surplusLocked reports whether other receivers should have d. If nothing is
// taken ahead, that is so if the call has given up that asked for d. Otherwise
// it is so if the buffer is full: a request may outlive a connection.
func (r *receiver) surplusLocked(d *delivery) bool {
	if r.takesAhead() {
		return len(r.buffer.values) >= max(r.prefetch, r.demand.callers)
	}
	return d.old && !r.buffer.gate.asked
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

// statusLocked handles a status, with which the server answers a request
// instead of a value.
func (r *receiver) statusLocked(m *nats.Msg) {
	h := m.Header
	status := h.Get("Status")
	if status == "100" { // it is alive
		return
	}
	if m.Subject == r.inboxFor(probed) {
		r.demand.probing = false
		r.events.all()
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

// returnLocked has the server redeliver d at once, unless it does so soon.
// While there is no connection it does nothing: when there is one again, d may
// be another receiver's.
func (r *receiver) returnLocked(d *delivery) {
	if r.nc.IsConnected() && !r.tooOld(d) {
		r.nc.Publish(d.msg.Reply, []byte(nak))
	}
}
