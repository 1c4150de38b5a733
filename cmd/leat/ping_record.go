package main

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/leat-go/leat/rpc"
)

// Latencies are recorded in nanoseconds, to three digits, between these bounds.
const (
	shortestLatency = time.Microsecond
	longestLatency  = 10 * time.Minute
	latencyDigits   = 3
)

// A recorder counts what became of pings. It is used concurrently.
type recorder struct {
	shards [recorderShards]struct {
		mu   sync.Mutex
		hist *hdrhistogram.Histogram
		_    [64]byte // a shard's lock is another's neighbour otherwise
	}
	acks, refused, unanswered, undone atomic.Int64

	first atomic.Pointer[error] // the first that was not an Ack
}

const recorderShards = 8

func (r *recorder) init(clients int) {
	for i := range min(clients, recorderShards) {
		r.shards[i].hist = newHistogram()
	}
}

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(int64(shortestLatency), int64(longestLatency), latencyDigits)
}

// add counts a ping that took so long from when it was due. Every answer has a
// latency; a ping without an answer is only counted.
func (r *recorder) add(client int, took time.Duration, err error) {
	switch {
	case err == nil:
		r.acks.Add(1)
	case errors.As(err, new(*rpc.Error)):
		r.refused.Add(1)
	default:
		r.unanswered.Add(1)
	}
	if err != nil {
		r.first.CompareAndSwap(nil, &err)
		if !errors.As(err, new(*rpc.Error)) {
			return
		}
	}
	s := &r.shards[client%recorderShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hist.RecordValue(min(max(int64(took), int64(shortestLatency)), int64(longestLatency)))
}

// sum returns all latencies so far.
func (r *recorder) sum() *hdrhistogram.Histogram {
	all := newHistogram()
	for i := range r.shards {
		s := &r.shards[i]
		if s.hist == nil {
			continue
		}
		s.mu.Lock()
		all.Merge(s.hist)
		s.mu.Unlock()
	}
	return all
}
