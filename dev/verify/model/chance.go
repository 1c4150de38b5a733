//go:build modelcheck

package model

import "math/rand/v2"

// A chance makes the choices of one run at random, as Burckhardt, Kothari,
// Musuvathi and Nagarakatte do ("A Randomized Scheduler with Probabilistic
// Guarantees of Finding Bugs", ASPLOS 2010): the goroutines have ranks, the
// first in rank that can go on does, and at a few steps, chosen beforehand, it
// becomes the last. A mistake that shows when k such changes are in their right
// places is found in one run of n goroutines and s steps with a probability of
// at least 1/(n*s^k), however many other interleavings there are.
type chance struct {
	rank  []int // goroutines, first in rank first
	turns [turns]int
}

// turns is how many changes a run has.
const turns = 3

func newChance(r *rand.Rand, steps int) *chance {
	c := &chance{rank: r.Perm(maxThreads)}
	for i := range c.turns {
		c.turns[i] = r.IntN(max(steps, 50))
	}
	return c
}

// next returns who of the enabled makes step number n.
func (c *chance) next(enabled uint32, n int) int {
	for _, turn := range c.turns {
		if i := c.first(enabled); turn == n {
			c.rank = append(append(c.rank[:i:i], c.rank[i+1:]...), c.rank[i])
		}
	}
	return c.rank[c.first(enabled)]
}

// first returns the place in rank of the first that is enabled.
func (c *chance) first(enabled uint32) int {
	for i, t := range c.rank {
		if enabled>>t&1 == 1 {
			return i
		}
	}
	panic("model: nobody can go on")
}
