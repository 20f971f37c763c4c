package bench

import (
	"math"
	"sync"
	"time"
)

// arrivals decides when requests are due that come at a rate: at random moments, as from many callers who know nothing of
// each other (a Poisson process). Evenly spaced requests would never meet and so flatter the latencies.
type arrivals struct {
	mu     sync.Mutex
	random random
	rate   float64       // requests a second
	last   time.Duration // when the last one is due, from the beginning
}

// next answers when the next request is due. The moments follow from the seed, whoever asks for them.
func (a *arrivals) next() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	share := float64(a.random.next()>>11+1) / (1 << 53) // above 0 and up to 1, in 53 bits as a float has them
	a.last += time.Duration(-math.Log(share) / a.rate * float64(time.Second))
	return a.last
}
