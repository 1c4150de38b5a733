package instead

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	moby "github.com/moby/pubsub"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/examples/instead/pubsub"
)

const publishTimeout = 100 * time.Millisecond

// One subscriber does not read. In the original each event waits for it.
func TestMobyDeadSubscriber(t *testing.T) {
	for _, c := range []struct {
		name    string
		publish func() func(any)
		want    time.Duration
	}{
		{"moby", func() func(any) {
			p := moby.NewPublisher(publishTimeout, 1)
			p.Subscribe()
			return func(v any) { p.Publish(v) }
		}, 99 * publishTimeout},
		{"leat", func() func(any) {
			p := pubsub.New[any](publishTimeout, 1)
			p.Subscribe(nil)
			return p.Publish
		}, publishTimeout},
	} {
		synctest.Test(t, func(t *testing.T) {
			publish, start := c.publish(), time.Now()
			for i := range 100 {
				publish(i)
			}
			if got := time.Since(start); got != c.want {
				t.Errorf("%s: 100 events take %v; docs/instead.md says %v", c.name, got, c.want)
			}
		})
	}
}

// An event to ten subscribers that read. Every event is delivered, or the
// benchmark fails.
func BenchmarkMoby(b *testing.B) {
	const subscribers = 10
	b.Run("moby", func(b *testing.B) {
		b.ReportAllocs()
		p, got := moby.NewPublisher(time.Minute, 100), make([]int, subscribers)
		var all sync.WaitGroup
		for i := range got {
			events := p.Subscribe()
			all.Go(func() {
				for range events {
					got[i]++
				}
			})
		}
		for range b.N {
			p.Publish(1)
		}
		p.Close()
		all.Wait()
		checkDelivered(b, got)
	})
	for _, c := range []struct {
		name string
		read func(s *pubsub.Subscriber[any]) int
	}{
		{"leat_ToChan", func(s *pubsub.Subscriber[any]) (n int) {
			for range leat.ToChan(context.Background(), s, 100) {
				n++
			}
			return n
		}},
		{"leat_Recv", func(s *pubsub.Subscriber[any]) (n int) {
			for range leat.All(context.Background(), s) {
				n++
			}
			return n
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			p, got := pubsub.New[any](time.Minute, 100), make([]int, subscribers)
			var all sync.WaitGroup
			for i := range got {
				s := p.Subscribe(nil)
				all.Go(func() { got[i] = c.read(s) })
			}
			for range b.N {
				p.Publish(1)
			}
			p.Close()
			all.Wait()
			checkDelivered(b, got)
		})
	}
}
