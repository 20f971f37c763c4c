package credits_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// story is a world with one customer, whose messages are compared.
type story struct {
	*world
	teller *credits.Teller
	grants map[string]ledger.GrantID
	heard  int64 // messages that tells has compared
	events int
}

// newStory begins with a customer who is watched for what the words say: percentages of the balance, and of grants.
func newStory(t *testing.T, percents, grants string) *story {
	t.Helper()
	w := setup(t)
	w.shop()
	must[*credits.Customer](t)(w.ProvisionCustomer(w.ctx, env, actor, credits.NewCustomer{ID: "c1", Name: "Acme", Email: "a@example.com"}))
	set := credits.ThresholdSet{Remaining: decs(percents), Consumed: decs(grants)}
	must[*credits.ThresholdSet](t)(w.SetThresholds(w.ctx, env, actor, set))
	s := &story{world: w, teller: w.NewTeller(slog.New(slog.DiscardHandler)), grants: map[string]ledger.GrantID{}}
	s.tell()
	s.heard = must[int64](t)(w.LastMessage(w.ctx, env))
	return s
}

func decs(words string) (list []amount.Amount) {
	for _, word := range strings.Fields(words) {
		list = append(list, dec(word))
	}
	return list
}

func (s *story) tell() {
	s.t.Helper()
	if err := s.teller.Once(s.ctx); err != nil {
		s.t.Fatal(err)
	}
}

func (s *story) grant(name, credit string, in credits.NewGrant) {
	s.t.Helper()
	in.Customer, in.CreditType, in.DisplayName, in.Amount = "c1", "tokens", name, dec(credit)
	if in.Type == 0 {
		in.Type = ledger.Promotional
	}
	s.grants[name] = must[*credits.Grant](s.t)(s.CreateGrant(s.ctx, env, credits.Caller{Actor: actor, Request: "req-" + name}, in)).ID
}

func (s *story) use(credit string) {
	s.t.Helper()
	s.events++
	must[credits.ConsumptionResult](s.t)(s.Consume(s.ctx, env, credits.Caller{Actor: actor}, credits.Consumption{
		Customer: "c1", CreditType: "tokens", Amount: dec(credit), Key: fmt.Sprint("e", s.events),
	}))
}

// poolOp does something to the customer's pool that no use case of this package does.
type poolOp struct {
	kind   engine.EntryKind
	key    string
	turn   bool
	change func(p *ledger.Pool, tx *ledger.Tx) error
}

func (o *poolOp) Scope() engine.Scope { return engine.Scope{Environment: env, Customer: "c1"} }

func (o *poolOp) Decide(tx *engine.Tx) error {
	*tx.Entry() = engine.Entry{Kind: o.kind, Key: o.key}
	open := tx.Open
	if o.turn {
		open = tx.OpenTurn
	}
	if err := open(engine.PoolRef{Currency: "tokens"}); err != nil {
		return err
	}
	return o.change(tx.Pool(0), tx.Ledger(0))
}

func (o *poolOp) Repeat(*engine.Tx, *engine.Entry) error { return nil }

func (s *story) do(o *poolOp) {
	s.t.Helper()
	if err := s.engine.Do(s.ctx, o)[0]; err != nil {
		s.t.Fatal(err)
	}
}

// tells compares what was told since the last call: the types in order, "usage_low" with its threshold.
func (s *story) tells(want ...string) {
	s.t.Helper()
	s.tell()
	var got []string
	for _, m := range s.messages() {
		var data struct {
			Threshold *json.Number `json:"thresholdPercentage"`
			Grant     struct {
				Name string `json:"displayName"`
			} `json:"grant"`
		}
		if err := json.Unmarshal([]byte(m.Payload), &data); err != nil {
			s.t.Fatal(err)
		}
		text := strings.TrimPrefix(string(m.Type), "credits.")
		if data.Threshold != nil {
			text += " " + data.Threshold.String()
		}
		if data.Grant.Name != "" {
			text += " " + data.Grant.Name
		}
		got = append(got, text)
		s.heard = m.No
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Errorf("messages (-want +got):\n%s", diff)
	}
}

func (s *story) messages() []*credits.Message {
	s.t.Helper()
	last := must[int64](s.t)(s.LastMessage(s.ctx, env))
	if last <= s.heard {
		return nil
	}
	return must[[]*credits.Message](s.t)(s.MessagesAfter(s.ctx, env, s.heard, 100))
}

// golden compares all messages of the story's pool in full with a golden file, and with the contract. Only their ids are
// random.
func (s *story) golden(name string) {
	s.t.Helper()
	doc := webhooksContract(s.t.(*testing.T))
	var text strings.Builder
	stream := credits.PoolStream(ledger.Key{Environment: env, Customer: "c1", Currency: "tokens"})
	sequence := int64(0)
	for _, m := range must[[]*credits.Message](s.t)(s.MessagesAfter(s.ctx, env, 0, 100)) {
		if m.Stream != stream {
			continue
		}
		if sequence++; m.Sequence != sequence {
			s.t.Errorf("message %d has the sequence %d", sequence, m.Sequence)
		}
		m.ID = "msg"
		body, err := m.Envelope(env, credits.DialectSeed)
		if err != nil {
			s.t.Fatal(err)
		}
		checkMessage(s.t.(*testing.T), doc, m.Type, body)
		fmt.Fprintf(&text, "%s\n", body)
	}
	file := filepath.Join("testdata", "telling", name+".jsonl")
	if *update {
		if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(text.String(), "\n")); diff != "" {
		s.t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

const dayLong = 86400 * second

func TestTelling_W3(t *testing.T) {
	t.Parallel() // Overdraft and settlement: both sides are updated, and the settled overdraft is voided.
	s := newStory(t, "", "")
	s.grant("G1", "10", credits.NewGrant{})
	s.use("25")
	s.tells("granted G1", "grant.depleted G1", "balance.depleted")
	s.tick(hour)
	s.grant("G2", "50", credits.NewGrant{Type: ledger.Paid, Cost: &ledger.Money{Amount: dec("5"), Currency: "usd"}})
	s.tells("granted G2", "grant.updated Overdraft", "grant.updated G2", "grant.voided Overdraft")
	s.golden("W3")
}

func TestTelling_W5(t *testing.T) {
	t.Parallel() // A scheduled grant is granted when it is made and updated when it activates.
	s := newStory(t, "", "")
	s.grant("G1", "40", credits.NewGrant{})
	s.grant("G2", "60", credits.NewGrant{EffectiveAt: start + 9*dayLong, ExpireAt: start + 19*dayLong})
	s.tick(4 * dayLong)
	s.use("45")
	s.tells("granted G1", "granted G2", "grant.depleted G1", "balance.depleted")
	s.tick(5 * dayLong)
	s.use("20")
	s.tells("grant.updated Overdraft", "grant.updated G2", "grant.voided Overdraft")
	s.golden("W5")
}

func TestTelling_W7(t *testing.T) {
	t.Parallel() // What expires is told with what was left of it, dated at its own instant.
	s := newStory(t, "", "")
	s.grant("G1", "10", credits.NewGrant{ExpireAt: start + dayLong})
	s.grant("G2", "10", credits.NewGrant{Priority: new(int32(11))})
	s.tick(dayLong - 1)
	s.use("3")
	s.tick(1)
	s.use("3")
	s.tells("granted G1", "granted G2", "expired G1")
	s.golden("W7")
}

func TestTelling_W16(t *testing.T) {
	t.Parallel() // A boundary raises no false depletion.
	s := newStory(t, "50", "")
	var first ledger.GrantID
	issue := func(key string, end []ledger.GrantID, until ledger.Time) {
		s.do(&poolOp{kind: engine.TurnEntry, key: key, turn: true, change: func(p *ledger.Pool, tx *ledger.Tx) error {
			turned, err := p.Turn(tx, ledger.Turn{End: end, Issue: []ledger.Grant{{Type: ledger.Recurring, Amount: dec("1000"), ExpireAt: until}}})
			first = turned.Issued[0]
			return err
		}})
	}
	issue("1", nil, start+28*dayLong)
	s.tick(10 * dayLong)
	s.use("640")
	s.tells("granted", "balance.usage_low 50")
	s.tick(18 * dayLong)
	issue("2", []ledger.GrantID{first}, start+59*dayLong)
	s.tells("expired", "granted")
	s.golden("W16")
}

func TestTelling_W27(t *testing.T) {
	t.Parallel() // Thresholds 50, 20, 10 remaining, and 80 of a grant: every line of the golden example.
	s := newStory(t, "50 20 10", "80")
	s.grant("G1", "100", credits.NewGrant{})
	s.tells("granted G1")
	s.use("45")
	s.tells()
	s.use("38")
	s.tells("grant.usage_low 80 G1", "balance.usage_low 50", "balance.usage_low 20")
	s.use("5")
	s.use("2")
	s.tells()
	s.use("1")
	s.tells("balance.usage_low 10")
	s.use("9")
	s.tells("grant.depleted G1", "balance.depleted")
	s.use("5")
	s.tells()
	s.grant("G2", "100", credits.NewGrant{})
	s.tells("granted G2", "grant.updated Overdraft", "grant.updated G2", "grant.voided Overdraft")
	s.use("50")
	s.tells("balance.usage_low 50")
	s.grant("G3", "1", credits.NewGrant{})
	s.tells("granted G3")
	s.golden("W27")
}

func TestTelling_W35(t *testing.T) {
	t.Parallel() // A grant that waits for its payment is granted when that is confirmed, once.
	s := newStory(t, "", "")
	var id ledger.GrantID
	s.do(&poolOp{kind: engine.GrantEntry, change: func(p *ledger.Pool, tx *ledger.Tx) (err error) {
		id, err = p.AddGrant(tx, ledger.Grant{Type: ledger.Paid, Amount: dec("500"), ExpireAt: ledger.Never,
			Cost: ledger.Money{Amount: dec("50"), Currency: "usd"}, AwaitsPayment: true, Payment: ledger.PaymentProcessing})
		return err
	}})
	s.tick(60 * second)
	s.use("20")
	s.tells()
	s.tick(60 * second)
	for range 2 {
		s.do(&poolOp{kind: engine.PaymentEntry, change: func(p *ledger.Pool, tx *ledger.Tx) error {
			return p.SetPayment(tx, id, ledger.PaymentPaid, true)
		}})
	}
	s.tells("granted", "grant.updated Overdraft", "grant.updated", "grant.voided Overdraft")
	s.golden("W35")
}

func TestTelling_others(t *testing.T) {
	t.Parallel() // Voids, updates, quarantined events and reservations that run out are told; a new priority alone is not.
	s := newStory(t, "", "")
	s.grant("G1", "100", credits.NewGrant{ExpireAt: start + 60*dayLong})
	by := credits.Caller{Actor: actor}
	must[*credits.Grant](t)(s.UpdateGrant(s.ctx, env, by, s.grants["G1"], credits.GrantUpdate{Priority: new(int32(3))}))
	s.tells("granted G1")
	must[*credits.Grant](t)(s.UpdateGrant(s.ctx, env, by, s.grants["G1"], credits.GrantUpdate{Metadata: credits.Set(map[string]string{"a": "b"})}))
	s.tells("grant.updated G1")
	must[ledger.Hold](t)(s.Reserve(s.ctx, by, credits.Reservation{Pool: ledger.Key{Environment: env, Customer: "c1", Currency: "tokens"},
		ID: "r1", Amount: dec("5"), ExpiresAt: s.now() + hour}))
	s.tick(2 * hour)
	must[int](t)(s.Sweep(s.ctx, env))
	s.tells("reservation.expired")
	must[[]credits.EventResult](t)(s.RecordEvents(s.ctx, env, by, []credits.ReportedEvent{{Customer: "nobody", Name: "email", Key: "k", At: s.now()}}, true))
	s.tells("event.quarantined")
	must[*credits.Grant](t)(s.VoidGrant(s.ctx, env, by, s.grants["G1"], "refund"))
	s.tells("grant.voided G1", "balance.depleted")
	s.golden("others")
}
