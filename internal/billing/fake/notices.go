package fake

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/scrip-dev/scrip/internal/billing"
	"github.com/scrip-dev/scrip/internal/credits"
)

// SignatureHeader carries the signature of a notice.
const SignatureHeader = "Fake-Signature"

const secret = "the secret of the fake provider"

// notice is the body of a message.
type notice struct {
	Key       string
	State     credits.AttemptState
	Reference string
	Minor     int64 // what was paid
	Currency  string
	ActionURL string
	Failure   string
	Refunded  int64
	Disputed  bool
}

// send puts notices of a charge as it stands into the outbox.
func (p *Provider) send(c *Charge) {
	copies := max(c.act.Copies, 1)
	if c.act.Copies < 0 {
		copies = 0
	}
	body := c.notice(c.State)
	for range copies {
		p.outbox = append(p.outbox, Message{At: p.now().Add(c.act.Delay), Signature: sign(secret, body), Body: body})
	}
}

// forge sends a notice that is not the provider's.
func (p *Provider) forge(c *Charge) {
	paid := *c
	paid.Taken = c.Asked
	body := paid.notice(credits.AttemptPaid)
	p.outbox = append(p.outbox, Message{At: p.now(), Signature: sign("a guess", body), Body: body})
}

func (c *Charge) notice(state credits.AttemptState) []byte {
	o := c.outcome()
	n := notice{Key: c.Key, State: state, Reference: c.Reference, ActionURL: o.ActionURL, Failure: o.FailureCode, Disputed: c.Disputed}
	n.Minor, n.Currency = minor(c.Taken), c.Taken.Currency
	n.Refunded = minor(c.Refunded)
	body, err := json.Marshal(n)
	if err != nil {
		panic(err) // the members of a notice can be encoded
	}
	return body
}

func minor(m credits.Money) int64 {
	n, err := credits.MinorUnits(m)
	if err != nil {
		panic(err) // the books hold whole minor units
	}
	return n
}

func sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// Notice implements billing.Provider.
func (p *Provider) Notice(_ context.Context, header func(string) string, body []byte) (billing.Notice, error) {
	if !hmac.Equal([]byte(header(SignatureHeader)), []byte(sign(secret, body))) {
		return billing.Notice{}, billing.ErrSignature
	}
	var n notice
	if err := json.Unmarshal(body, &n); err != nil {
		return billing.Notice{}, billing.ErrMalformed
	}
	o := credits.Outcome{State: n.State, Reference: n.Reference, ActionURL: n.ActionURL, FailureCode: n.Failure}
	if n.State == credits.AttemptPaid {
		o.Money = credits.MoneyOf(n.Minor, n.Currency)
	}
	out := billing.Notice{Attempt: n.Key, Outcome: &o}
	if n.Refunded > 0 || n.Disputed {
		out.Back = &credits.MoneyBack{Refunded: credits.MoneyOf(n.Refunded, n.Currency), Disputed: n.Disputed}
	}
	return out, nil
}

// Arrived takes the messages out of the outbox whose time has come.
func (p *Provider) Arrived() []Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	var arrived, left []Message
	for _, m := range p.outbox {
		if m.At.After(p.now()) {
			left = append(left, m)
		} else {
			arrived = append(arrived, m)
		}
	}
	p.outbox = left
	return arrived
}

// Underway is how many messages have not arrived.
func (p *Provider) Underway() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.outbox)
}

// Books lists the charges in the order of their first effect.
func (p *Provider) Books() []Charge {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []Charge
	for _, key := range p.keys {
		list = append(list, *p.books[key])
	}
	return list
}

// Settle lets a charge that waits end as paid or failed, and reports whether it waited.
func (p *Provider) Settle(key string, paid bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.books[key]
	if c == nil || c.State != credits.AttemptProcessing && c.State != credits.AttemptActionRequired {
		return false
	}
	state := credits.AttemptFailed
	if paid {
		state = credits.AttemptPaid
	}
	p.move(c, state)
	return true
}

// GiveBack refunds so many minor units of a paid charge in all, or lets it be disputed, and reports whether it was paid.
func (p *Provider) GiveBack(key string, refunded int64, disputed bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.books[key]
	if c == nil || c.State != credits.AttemptPaid {
		return false
	}
	c.Refunded, c.Disputed = credits.MoneyOf(refunded, c.Asked.Currency), c.Disputed || disputed
	p.send(c)
	return true
}
