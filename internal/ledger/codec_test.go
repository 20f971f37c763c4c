package ledger

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"testing"
)

// samplePool has something of everything: holds, an overdraft, expired, scheduled and pending grants.
func samplePool(t reporter) *fixture {
	f := newFixture(t)
	f.grant("A", "10.5", Grant{Type: Paid, Cost: usd("9.99"), ExpireAt: at("03-02")})
	f.grant("B", "20", Grant{Priority: 3})
	f.grant("C", "5", Grant{Type: Recurring, EffectiveAt: at("04-01"), ExpireAt: at("05-01")})
	f.grant("D", "7", Grant{Type: Paid, AwaitsPayment: true, Payment: PaymentActionRequired})
	f.reserve("R1", "12")
	if _, err := f.tryReserve(HoldSpec{ID: "R2", Amount: amt("100"), Capture: true, AllowOverdraft: true, ExpiresAt: at("03-02"),
		Charge: Charge{"feature", "mapping", 2}}); err != nil {
		t.Fatal(err)
	}
	f.burn("e1", "3.25")
	f.now += 2 * hour
	f.sweep()
	return f
}

func TestPoolCodec(t *testing.T) {
	t.Parallel() // A decoded pool is the same pool, and a changed form is refused.
	f := samplePool(t)
	form := f.pool.AppendBinary(nil)
	p, err := DecodePool(form)
	if err != nil {
		t.Fatal(err)
	}
	f.sameBytes(p, "decoded")
	if p.NextDue() != f.pool.NextDue() || p.Available() != f.pool.Available() || p.TotalGranted() != f.pool.TotalGranted() {
		t.Errorf("decoded pool answers differently")
	}
	for n := range form {
		if _, err := DecodePool(form[:n]); err == nil {
			t.Fatalf("cut at %d: no error", n)
		}
	}
	if _, err := DecodePool(append(form, 0)); err == nil {
		t.Errorf("trailing byte: no error")
	}
}

func FuzzDecodePool(f *testing.F) {
	f.Add(samplePool(f).pool.AppendBinary(nil))
	f.Add(NewPool(Key{"e", "c", "x", "r"}).AppendBinary(nil))
	f.Fuzz(func(t *testing.T, b []byte) { // Garbage never panics, and what decodes keeps its meaning.
		p, err := DecodePool(b)
		if err != nil {
			return
		}
		form := p.AppendBinary(nil)
		again, err := DecodePool(form)
		if err != nil || !bytes.Equal(form, again.AppendBinary(nil)) {
			t.Fatalf("not stable: %v", err)
		}
	})
}

func FuzzDecodeFact(f *testing.F) {
	origin := &Origin{Cause: &Cause{Txn: "t"}, SystemCause: &Cause{Txn: "t", Actor: Actor{ActorSystem, ""}},
		Charges: []Charge{{Feature: "shared"}, {Feature: "chat", Mapping: "m", Version: 2}}}
	sample := samplePool(f)
	for _, r := range sample.rows[:3] {
		f.Add(AppendFact(nil, &Fact{Kind: FactRow, Row: r}, origin))
	}
	for g := range sample.pool.Grants() {
		f.Add(AppendFact(nil, &Fact{Kind: FactGrant, Grant: g}, origin))
	}
	for h := range sample.pool.Holds() {
		f.Add(AppendFact(nil, &Fact{Kind: FactHold, Hold: h}, origin))
	}
	f.Fuzz(func(t *testing.T, b []byte) { // Garbage never panics, and what decodes keeps its meaning.
		fact, _, err := DecodeFact(b, origin)
		if err != nil {
			return
		}
		form := AppendFact(nil, &fact, origin)
		again, rest, err := DecodeFact(form, origin)
		if err != nil || len(rest) > 0 || !bytes.Equal(form, AppendFact(nil, &again, origin)) {
			t.Fatalf("not stable: %v", err)
		}
	})
}

func TestHashRowForm(t *testing.T) {
	t.Parallel() // A third party can recompute a row's hash from the documented form.
	key := Key{"env_test", "cus_1", "credits", ""}
	prev := sha256.Sum256([]byte("before"))
	r := Row{Seq: 7, PostedAt: 1_700_000_000_000_000, Type: Consumed, Amount: amt("-0.5"), Start: amt("10"), End: amt("9.5"), Grant: 42,
		Charge: Charge{"feature", "map", 3}, Money: usd("0.05"),
		Cause: &Cause{Txn: "txn", Event: "evt", EventAt: 1_699_999_999_000_000, Actor: Actor{ActorAPI, "key"}}}
	field := func(s string) string { return string(rune(len(s))) + s }
	some := func(s string) string { return "\x01" + field(s) }
	form := field("scrip-row-1") + string(prev[:]) + field("env_test") + field("cus_1") + field("credits") + "\x00" +
		field("7") + field("txn") + field("1700000000000000") + some("1699999999000000") + field("CONSUMED") +
		field("-0.5") + field("10") + field("9.5") + field("42") + some("evt") + some("feature") + some("map") + some("3") +
		some("0.05") + some("usd") + field("API") + some("key") + "\x00"
	if got, want := HashRow(&key, prev, &r), sha256.Sum256([]byte(form)); got != want {
		t.Errorf("hash differs from the documented form")
	}
	long := r
	long.Cause = &Cause{Reason: string(make([]byte, 5000))}
	if HashRow(&key, prev, &long) == HashRow(&key, prev, &r) {
		t.Errorf("different rows, same hash")
	}
}

func TestVerifyRowsFindsTampering(t *testing.T) {
	t.Parallel() // Any change of a stored row breaks the chain at that row.
	f := newFixture(t)
	f.grant("G", "100", Grant{Type: Paid, Cost: usd("10")})
	for i := range 5 {
		f.burn(fmt.Sprint("e", i), "1.5")
	}
	for name, change := range map[string]func(r *Row){
		"amount": func(r *Row) { r.Amount, r.End = amt("-1"), r.Start.Sub(amt("1")) },
		"time":   func(r *Row) { r.PostedAt++ },
		"grant":  func(r *Row) { r.Grant = 9 },
		"money":  func(r *Row) { r.Money = Money{} },
		"event":  func(r *Row) { r.Cause = &Cause{Txn: r.Cause.Txn, Actor: r.Cause.Actor, EventAt: r.Cause.EventAt} },
		"charge": func(r *Row) { r.Charge = Charge{Mapping: r.Charge.Feature} },
	} {
		rows := append([]Row(nil), f.rows...)
		change(&rows[3])
		if err := VerifyRows(&f.pool.key, [32]byte{}, rows); err == nil || err.Error() != "ledger: I18 broken: row 4 has a wrong hash" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := VerifyRows(&f.pool.key, [32]byte{}, append(f.rows[:2:2], f.rows[3:]...)); err == nil {
		t.Errorf("a missing row went unnoticed")
	}
}

func TestApplyRefusesBrokenRows(t *testing.T) {
	t.Parallel() // A fact that does not continue the pool is never folded in.
	f := newFixture(t)
	f.grant("G", "100", Grant{})
	good := Row{Seq: 2, PostedAt: f.now, Type: Consumed, Amount: amt("-1"), Start: amt("100"), End: amt("99"), Grant: 1, Cause: &Cause{}}
	for name, change := range map[string]func(r *Row){
		"I1 seq":    func(r *Row) { r.Seq = 3 },
		"I1 time":   func(r *Row) { r.PostedAt-- },
		"I2 start":  func(r *Row) { r.Start, r.End = amt("99"), amt("98") },
		"I2 end":    func(r *Row) { r.End = amt("98") },
		"I3 grant":  func(r *Row) { r.Grant = 2 },
		"I4 beyond": func(r *Row) { r.Amount, r.End = amt("-101"), amt("-1") },
		"type":      func(r *Row) { r.Type = 99 },
	} {
		r := good
		change(&r)
		p := f.pool.Clone()
		if !panics(func() { p.Apply(&Fact{Kind: FactRow, Row: r}) }) {
			t.Errorf("%s: applied", name)
		}
	}
	od := &Grant{ID: 8, Type: Overdraft, ExpireAt: Never}
	p := f.pool.Clone()
	p.Apply(&Fact{Kind: FactGrant, Grant: od})
	if !panics(func() { p.Apply(&Fact{Kind: FactGrant, Grant: &Grant{ID: 9, Type: Overdraft, ExpireAt: Never}}) }) {
		t.Errorf("I9: two overdrafts")
	}
}

func panics(f func()) (yes bool) {
	defer func() { yes = recover() != nil }()
	f()
	return false
}
