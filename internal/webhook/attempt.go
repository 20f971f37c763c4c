package webhook

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/outbound"
)

// failuresInRound is how many attempts of a round may fail before the rest of it is left for later.
const failuresInRound = 3

// userAgent names us to receivers.
const userAgent = "Scrip-Webhooks/1"

// round tries the deliveries of a queue. It begins none after RoundMax, after a few failures, or once ctx has ended; what
// was not begun, or was cut off by us, has no outcome and stays due.
func (s *Sender) round(ctx, attempts context.Context, q *credits.Queue) []credits.Outcome {
	r := &round{sender: s, queue: q, began: s.now()}
	workers := attemptsMax
	if q.Failing {
		workers = 1
	}
	var wait sync.WaitGroup
	for range min(workers, len(q.Outgoing)) {
		wait.Go(func() {
			for next := r.take(ctx); next != nil; next = r.take(ctx) {
				r.add(s.attempt(attempts, q, next))
			}
		})
	}
	wait.Wait()
	return r.outcomes
}

// round is one under way.
type round struct {
	sender *Sender
	queue  *credits.Queue
	began  time.Time

	mu       sync.Mutex
	begun    int
	failed   int
	outcomes []credits.Outcome
}

// take gives out the next delivery to try, or nil when no more shall be begun.
func (r *round) take(ctx context.Context) *credits.Outgoing {
	r.mu.Lock()
	defer r.mu.Unlock()
	late := r.sender.now().Sub(r.began) >= credits.RoundMax
	if ctx.Err() != nil || late || r.failed >= failuresInRound || r.begun == len(r.queue.Outgoing) {
		return nil
	}
	r.begun++
	return &r.queue.Outgoing[r.begun-1]
}

// add keeps an outcome, if there is one.
func (r *round) add(o *credits.Outcome) {
	if o == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case o.Unwanted():
		r.failed = failuresInRound
	case o.Status/100 != 2:
		r.failed++
	}
	r.outcomes = append(r.outcomes, *o)
}

// attempt sends one message. It returns nil when we broke it off ourselves.
func (s *Sender) attempt(ctx context.Context, q *credits.Queue, out *credits.Outgoing) *credits.Outcome {
	began := s.now()
	o := &credits.Outcome{MessageNo: out.MessageNo, At: s.credits.Now(q.Environment)}
	header, err := Header(q.Secrets, out, began)
	if err == nil {
		var answer outbound.Answer
		answer, err = s.client.Post(ctx, q.URL, header, out.Body)
		o.Status, o.RetryAfter, o.Excerpt = answer.Status, answer.RetryAfter, answer.Excerpt
	}
	if ctx.Err() != nil && err != nil {
		return nil
	}
	if err != nil {
		o.Failure = outbound.Explain(err)
	}
	o.Took += credits.Micros(s.now().Sub(began))
	return o
}

// Header is what is sent with a body, which it signs under every secret that is valid (Standard Webhooks).
func Header(secrets *credits.EndpointSecrets, out *credits.Outgoing, at time.Time) (http.Header, error) {
	var signatures []string
	for _, secret := range []credits.Secret{secrets.Current, secrets.Previous} {
		if secret.IsZero() {
			continue
		}
		signature, err := sign(secret, out, at)
		if err != nil {
			return nil, err
		}
		signatures = append(signatures, signature)
	}
	h := http.Header{}
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", userAgent)
	if secrets.Header.Name != "" {
		h.Set(secrets.Header.Name, secrets.Header.Value.Reveal())
	}
	h.Set(standardwebhooks.HeaderWebhookID, out.MessageID)
	h.Set(standardwebhooks.HeaderWebhookTimestamp, timestamp(at))
	h.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	return h, nil
}
