package webhook

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/outbound"
)

// Limits of a sender. Together: at most 64 × 4 + 32 attempts under way, and 96 rounds of 32 messages in memory.
const (
	healthyMax  = 64 // queues served at once whose last attempt was taken
	failingMax  = 32 // queues served at once whose last attempt failed
	attemptsMax = 4  // attempts under way in one healthy queue; a failing one has one
	roundsMax   = 16 // of one queue, before another one gets its place

	pollDefault = time.Second           // how often deliveries of other nodes are looked for
	pollLeast   = 10 * time.Millisecond // never spin
	errorRest   = time.Second           // after the database could not be asked
	settleMax   = 10 * time.Second      // for storing what became of a round
	drainMax    = 10 * time.Second      // for attempts under way when the sender is told to stop
)

// Options is what a Sender is made of. Log may be nil.
type Options struct {
	Credits *credits.Service
	Client  *outbound.Client
	// Now is the wall clock: it dates signatures and measures attempts. Everything else goes by the environments' clocks.
	Now func() time.Time
	// Name tells this process from others that serve the same database.
	Name string
	// Poll is how often deliveries that another process made are looked for; 0 means every second.
	Poll time.Duration
	Log  *slog.Logger
}

// Sender serves the queues of all endpoints.
type Sender struct {
	credits *credits.Service
	client  *outbound.Client
	now     func() time.Time
	name    string
	poll    time.Duration
	log     *slog.Logger

	mu      sync.Mutex
	serving map[credits.QueueRef]bool // and whether it was failing when it was taken
	crowded bool                      // something due had no place at the last look
	ended   chan struct{}             // holds one signal: it is time for another look
	wait    sync.WaitGroup
}

// NewSender returns a sender; Run starts it.
func NewSender(o Options) *Sender {
	s := &Sender{credits: o.Credits, client: o.Client, now: o.Now, name: o.Name, poll: o.Poll, log: o.Log,
		serving: map[credits.QueueRef]bool{}, ended: make(chan struct{}, 1)}
	if s.poll <= 0 {
		s.poll = pollDefault
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s
}

// Run serves queues until ctx ends. Then it begins nothing more, lets attempts under way end within ten seconds, stores what
// became of them and returns.
func (s *Sender) Run(ctx context.Context) {
	attempts, cut := context.WithCancel(context.WithoutCancel(ctx)) // attempts outlive ctx
	defer cut()
	defer s.wait.Wait()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(drainMax, cut) })()
	if err := s.credits.AbandonedQueues(ctx); err != nil {
		s.log.Warn("queues of an earlier process are left to their leases", "error", err)
	}
	for ctx.Err() == nil {
		news := s.credits.News()
		s.pause(ctx, news, s.look(ctx, attempts))
	}
}

// pause waits until there may be something to do.
func (s *Sender) pause(ctx context.Context, news <-chan struct{}, rest time.Duration) {
	timer := time.NewTimer(max(rest, pollLeast))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-news:
	case <-s.ended:
	case <-timer.C:
	}
}

// look starts serving what is due and has a place, and tells how long it may take until something else is due.
func (s *Sender) look(ctx, attempts context.Context) time.Duration {
	waiting, err := s.credits.WaitingQueues(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.log.Warn("what is to be sent could not be read; it will be tried again", "error", err)
		}
		return errorRest
	}
	rest, crowded := s.poll, false
	for _, q := range waiting {
		if q.In > 0 {
			rest = min(rest, q.In)
			continue
		}
		taken, full := s.place(q)
		crowded = crowded || full
		if taken {
			s.wait.Go(func() { s.leave(q.QueueRef, s.serve(ctx, attempts, q.QueueRef)) })
		}
	}
	s.mu.Lock()
	s.crowded = crowded
	s.mu.Unlock()
	return rest
}

// place takes a place for a queue. It is not taken when the queue is served already, or when all of its kind are.
func (s *Sender) place(q credits.WaitingQueue) (is, full bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, served := s.serving[q.QueueRef]; served {
		return false, false
	}
	taken, most := 0, healthyMax
	if q.Failing {
		most = failingMax
	}
	for _, failing := range s.serving {
		if failing == q.Failing {
			taken++
		}
	}
	if taken >= most {
		return false, true
	}
	s.serving[q.QueueRef] = q.Failing
	return true, false
}

// leave gives a place back. Another look is due when that makes room for somebody, or when the queue has more to send.
func (s *Sender) leave(ref credits.QueueRef, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.serving, ref)
	if !more && !s.crowded {
		return
	}
	select {
	case s.ended <- struct{}{}:
	default: // there is a signal already
	}
}

// serve sends some rounds of one queue, and tells whether there may be more to send, now or later.
func (s *Sender) serve(ctx, attempts context.Context, ref credits.QueueRef) (more bool) {
	q, err := s.open(ctx, ref)
	for rounds := 1; err == nil && len(q.Outgoing) > 0; rounds++ {
		outcomes := s.round(ctx, attempts, q)
		last := ctx.Err() != nil || rounds >= roundsMax || q.Failing
		more = last || anyFailed(q, outcomes)
		q, err = s.settle(q, outcomes, last)
	}
	if err != nil && !errors.Is(err, credits.ErrQueueLost) && ctx.Err() == nil {
		s.log.Warn("a queue could not be served; it will be tried again", "environment", ref.Environment, "endpoint", ref.Endpoint, "error", err)
		s.pause(ctx, nil, errorRest) // keeps its place meanwhile, and so others from the same failure
	}
	return more || err != nil
}

// anyFailed tells whether some delivery of a round is still owed.
func anyFailed(q *credits.Queue, outcomes []credits.Outcome) bool {
	return len(outcomes) < len(q.Outgoing) || slices.ContainsFunc(outcomes, func(o credits.Outcome) bool { return o.Status/100 != 2 })
}

func (s *Sender) open(ctx context.Context, ref credits.QueueRef) (*credits.Queue, error) {
	q, err := s.credits.OpenQueue(ctx, ref, s.name)
	if err == nil && len(q.Outgoing) == 0 { // somebody else was faster
		return s.settle(q, nil, true)
	}
	return q, err
}

// settle stores outcomes whatever ended meanwhile: what a receiver has taken should not be sent again.
func (s *Sender) settle(q *credits.Queue, outcomes []credits.Outcome, last bool) (*credits.Queue, error) {
	ctx, cancel := context.WithTimeout(context.Background(), settleMax)
	defer cancel()
	return s.credits.SettleQueue(ctx, q, outcomes, last)
}
