package natschan

import (
	"errors"
	"fmt"
)

// A policy is what the kind of a channel and the options of a receiver mean for
// receiving. It is computed once. All other receiving code asks the policy, and
// never the kind.
type policy struct {
	receiverOptions

	queue      bool // each value goes to one receiver; acknowledged, it is gone
	exclusive  bool // there is one receiver, by a lease: MPSC
	shared     bool // all receivers have one consumer: MPMC
	resumes    bool // a receiver of the same name may take over: Durable
	lags       bool // a gap in the sequence is a number of missed values: Broadcast
	bounded    bool // a sender may wait for room, and for a hint
	acks       bool // the server keeps a value until it is acknowledged
	confirms   bool // Recv waits until the server has confirmed that
	newestOnly bool // a buffered value may be outdated when it is received
}

func policyOf(ch *Channel, o receiverOptions) policy {
	p := policy{
		receiverOptions: o,

		queue:     ch.queue(),
		exclusive: ch.Kind == MPSC,
		shared:    ch.Kind == MPMC,
		resumes:   o.durable != "",
		lags:      ch.Kind == Broadcast,
		bounded:   ch.waits(),
	}
	p.acks = p.queue || ch.Lossless || p.resumes
	p.confirms = p.bounded || p.shared
	p.newestOnly = ch.Kind == Watch || p.lags && !p.acks && o.prefetch == 1
	return p
}

// defaultPrefetch is how many values a receiver takes ahead. One of MPMC takes
// none, because it would keep them from others.
var defaultPrefetch = [...]int{MPSC: 256, MPMC: 1, Broadcast: 64, Watch: 1}

// checkDurable refuses a name that Durable cannot have.
func checkDurable(name string) error {
	if !validName.MatchString(name) {
		return fmt.Errorf("natschan: durable name %q; use letters, digits, - and _", name)
	}
	return nil
}

// check refuses options that do not fit ch, and fills in the defaults.
func (o *receiverOptions) check(ch *Channel) error {
	switch {
	case o.prefetch < 0 || o.replay < 0:
		return errors.New("natschan: Prefetch and Replay must not be negative")
	case (o.replay > 0 || o.durable != "") && ch.Kind != Broadcast:
		return fmt.Errorf("natschan: Replay and Durable are for a Broadcast, not for %v", ch.Kind)
	case o.numbered && (ch.Kind != Broadcast || ch.Lossless):
		return errors.New("natschan: From is for a Broadcast that is not Lossless: no other channel keeps values that were received")
	case o.numbered && o.replay > 0:
		return errors.New("natschan: use either From or Replay: each says where to begin")
	case o.durable != "":
		if err := checkDurable(o.durable); err != nil {
			return err
		}
	}
	if o.prefetch == 0 {
		o.prefetch = defaultPrefetch[ch.Kind]
	}
	if ch.Capacity > 0 { // a Watch has a capacity of 1
		o.prefetch = min(o.prefetch, ch.Capacity)
	}
	return nil
}
