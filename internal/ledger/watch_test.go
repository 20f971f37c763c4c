package ledger

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/amount"
)

// watchFor sets what the pool is watched for: lists of numbers.
func (f *fixture) watchFor(percents, amounts, grants string) {
	f.t.Helper()
	list := func(s string) (list []amount.Amount) {
		for _, word := range strings.Fields(s) {
			list = append(list, amt(word))
		}
		return list
	}
	var err error
	if f.thresholds, err = NewThresholds(list(percents), list(amounts), list(grants)); err != nil {
		f.t.Fatal(err)
	}
}

// checkAlerts recomputes every alert of a transaction on a copy of the replica, which does not have its facts yet.
func (f *fixture) checkAlerts(tx *Tx) {
	f.t.Helper()
	p, from := f.replica.Clone(), 0
	for i := range tx.Facts {
		if tx.Facts[i].Kind == FactAlert {
			if err := p.CheckAlert(tx.Facts[from:i], tx.Facts[i].Alert); err != nil {
				f.t.Fatal(err)
			}
			from = i + 1
		}
		p.Apply(&tx.Facts[i])
	}
	if err := p.CheckAlert(tx.Facts[from:], nil); err != nil {
		f.t.Fatal(err)
	}
}

var newsWords = [...]string{"", "granted", "updated", "low", "depleted", "expired", "voided", "low", "depleted"}

// wantNews compares what was told since the last call, as "granted G1" or "low 50".
func (f *fixture) wantNews(want ...string) {
	f.t.Helper()
	var got []string
	for _, a := range f.alerts[f.heard:] {
		for _, n := range a.News {
			text := newsWords[n.Kind]
			if n.Absolute || !n.Threshold.IsZero() {
				text += " " + n.Threshold.String()
			}
			if n.Absolute {
				text += " credits"
			}
			if n.Grant != nil {
				text += " " + f.name(n.Grant.ID)
			}
			got = append(got, text)
		}
	}
	f.heard = len(f.alerts)
	if diff := cmp.Diff(want, got); diff != "" {
		f.t.Errorf("news (-want +got):\n%s", diff)
	}
}

func (f *fixture) wantBase(base string) {
	f.t.Helper()
	if got := f.pool.AlertBase(); got != amt(base) {
		f.t.Errorf("alert base %s, want %s", got, base)
	}
}

func TestW27Thresholds(t *testing.T) {
	t.Parallel() // Every line of the golden example: a threshold fires once, strictly below, and arms again with new credits.
	f := newFixture(t)
	f.watchFor("10 50 20", "", "80")
	f.grant("G1", "100", Grant{})
	f.wantNews("granted G1")
	f.burn("e1", "45")
	f.wantNews()
	f.burn("e2", "38")
	f.wantNews("low 80 G1", "low 50", "low 20")
	f.burn("e3", "5")
	f.burn("e4", "2")
	f.wantNews()
	f.burn("e5", "1")
	f.wantNews("low 10")
	f.burn("e6", "9")
	f.wantNews("depleted G1", "depleted")
	f.burn("e7", "5")
	f.wantNews()
	f.grant("G2", "100", Grant{})
	f.wantNews("granted G2", "updated OD", "updated G2", "voided OD")
	f.wantBase("100")
	f.burn("e8", "50")
	f.wantNews("low 50")
	f.grant("G3", "1", Grant{})
	f.wantNews("granted G3")
	f.wantBase("101")
	f.burn("e9", "30")
	f.wantNews("low 80 G2", "low 20")
}

func TestGoldenNews(t *testing.T) {
	t.Parallel() // W3, W5, W7, W35: what is told without thresholds, in full.
	f := newFixture(t)
	f.grant("G1", "10", Grant{})
	f.burn("e1", "25")
	f.wantNews("granted G1", "depleted G1", "depleted")
	f.grant("G2", "50", Grant{Type: Paid, Cost: usd("5")})
	f.wantNews("granted G2", "updated OD", "updated G2", "voided OD")

	f = newFixture(t)
	f.grant("G1", "40", Grant{})
	f.grant("G2", "60", Grant{EffectiveAt: at("03-10"), ExpireAt: at("03-20")})
	f.wantNews("granted G1", "granted G2")
	f.now = at("03-05")
	f.burn("e1", "45")
	f.wantNews("depleted G1", "depleted")
	f.now = at("03-10")
	f.burn("e2", "20")
	f.wantNews("updated OD", "updated G2", "voided OD")
	f.now = at("03-20")
	f.sweep()
	f.wantNews("expired G2", "depleted")

	f = newFixture(t)
	f.grant("G1", "10", Grant{ExpireAt: at("03-05")})
	f.grant("G2", "10", Grant{Priority: 1})
	f.burn("e1", "3")
	f.now = at("03-05")
	f.burn("e2", "3")
	f.wantNews("granted G1", "granted G2", "expired G1")
	if last := f.alerts[len(f.alerts)-1].News[0].Grant; last.Expired != amt("7") {
		t.Errorf("unused %s, want 7", last.Expired)
	}

	f = newFixture(t)
	g := f.grant("G1", "500", Grant{Type: Paid, Cost: usd("50"), AwaitsPayment: true, Payment: PaymentProcessing})
	f.wantNews()
	f.burn("e1", "20")
	f.wantNews()
	for range 2 {
		f.must(func(tx *Tx) error { return f.pool.SetPayment(tx, g, PaymentPaid, true) })
	}
	f.wantNews("granted G1", "updated OD", "updated G1", "voided OD")
}

func TestW16NoFalseDepletion(t *testing.T) {
	t.Parallel() // A boundary is one transaction: the balance between the old block and the new one is not looked at.
	f := newFixture(t)
	f.watchFor("50", "100", "")
	f.now = at("01-31 10:00")
	r1 := f.turn(Turn{Issue: []Grant{block("1000", at("02-28 10:00"))}}, "R1").Issued[0]
	f.burn("e1", "640")
	f.wantNews("granted R1", "low 50")
	f.now = at("02-28 10:00")
	f.turn(Turn{End: []GrantID{r1}, Issue: []Grant{block("1000", at("03-31 10:00"))}}, "R2")
	f.wantNews("expired R1", "granted R2")
	f.now = at("03-31 10:00")
	f.turn(Turn{Issue: []Grant{block("400", at("04-30 10:00"))}}, "R3")
	f.wantNews("expired R2", "granted R3") // the new block is the base, though the balance fell
	f.wantBase("400")
	f.now = at("04-30 10:00")
	f.sweep()
	f.wantNews("expired R3", "low 50", "low 100 credits", "depleted")
}

func TestBaseIsFrozen(t *testing.T) {
	t.Parallel() // The base moves with credits that come, voids and changes of amounts, not with blocks that run dry or expire.
	f := newFixture(t)
	f.watchFor("50", "", "")
	a := f.grant("A", "100", Grant{ExpireAt: at("04-01")})
	b := f.grant("B", "100", Grant{Priority: 1})
	f.grant("C", "100", Grant{Priority: 2, ExpireAt: at("05-01")})
	f.burn("e1", "100")
	f.wantBase("300")
	f.must(func(tx *Tx) error { _, err := f.pool.Void(tx, b); return err })
	f.wantBase("100")
	f.wantNews("granted A", "granted B", "granted C", "depleted A", "voided B")
	c := f.grant("D", "300", Grant{Priority: 3})
	f.wantBase("400")
	lower := amt("200")
	f.must(func(tx *Tx) error { return f.pool.Update(tx, c, Change{Amount: &lower}) })
	f.wantBase("300")
	f.must(func(tx *Tx) error { return f.pool.Update(tx, c, Change{Texts: true}) })
	f.now = at("05-01")
	f.sweep()
	f.wantBase("300")
	f.wantNews("granted D", "updated D", "updated D", "expired A", "expired C")
	_ = a
}

func TestThresholdsChange(t *testing.T) {
	t.Parallel() // What is added starts disarmed, what is removed fires no more, and what stays keeps its arming.
	f := newFixture(t)
	f.watchFor("50", "", "")
	f.grant("A", "100", Grant{})
	f.watchFor("50 20 60", "", "90")
	f.burn("e1", "45") // 55 percent: 60 was never armed
	f.burn("e2", "40")
	f.wantNews("granted A", "low 50", "low 20")
	f.watchFor("", "5", "90")
	f.burn("e3", "4")
	f.wantNews()
	f.burn("e4", "7")
	f.wantNews("low 90 A", "low 5 credits")
	f.watchFor("50", "", "80 95")
	f.burn("e5", "1")
	f.wantNews("low 95 A")
	f.watchFor("", "", "")
	f.burn("e6", "3")
	f.wantNews("depleted A", "depleted")
}

func TestThresholdsOrder(t *testing.T) {
	t.Parallel() // Crossings of one transaction are told by height, percentages and amounts together, depletion last.
	f := newFixture(t)
	f.watchFor("25 75", "50 100 0", "50 100")
	f.grant("A", "200", Grant{})
	f.burn("e1", "250")
	f.wantNews("granted A", "low 100 A", "low 50 A", "depleted A", "low 75", "low 100 credits", "low 25", "low 50 credits", "low 0 credits", "depleted")
}

func TestGrantThresholdIsTold(t *testing.T) {
	t.Parallel() // A percentage of a grant is told once, also when consumption was taken back and comes again, and never rounded.
	f := newFixture(t)
	f.watchFor("", "", "33.33")
	f.grant("A", "3", Grant{})
	f.burn("e1", "0.999899999")
	f.wantNews("granted A")
	f.burn("e2", "0.000000001")
	f.wantNews("low 33.33 A")
	if _, err := f.reverse("e1", nil); err != nil {
		t.Fatal(err)
	}
	f.burn("e3", "2")
	f.wantNews()
}

func TestArmingNumbers(t *testing.T) {
	t.Parallel() // Between two firings of a threshold the arming number grows.
	f := newFixture(t)
	f.watchFor("50", "", "")
	last := uint32(0)
	for i := range 20 {
		f.grant("G", "100", Grant{ExpireAt: f.now + hour})
		f.burn(fmt.Sprint("e", i), "60")
		a := f.alerts[len(f.alerts)-1]
		if len(a.News) != 1 || a.Arming <= last {
			t.Fatalf("round %d: %+v after arming %d", i, a, last)
		}
		last = a.Arming
		f.now += hour
		f.sweep()
	}
}

func TestBadThresholds(t *testing.T) {
	t.Parallel() // Thresholds are in (0, 100] with two decimals, amounts not negative, none twice, and not too many.
	many := make([]amount.Amount, BalanceThresholdsMax+1)
	for i := range many {
		many[i] = amount.FromInt(int64(i + 1))
	}
	for name, c := range map[string][3][]amount.Amount{
		"zero": {{amt("0")}}, "above": {{amt("100.01")}}, "negative": {{amt("-1")}}, "fine": {{amt("1.001")}},
		"twice": {{amt("50"), amt("50.00")}}, "amount": {nil, {amt("-0.1")}}, "amounts": {nil, {amt("5"), amt("5")}},
		"grant": {nil, nil, {amt("0")}}, "many": {many},
		"together": {many[:15], many[:6]}, "grants": {nil, nil, many[:GrantThresholdsMax+1]},
	} {
		if _, err := NewThresholds(c[0], c[1], c[2]); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if a, err := NewThresholds([]amount.Amount{amt("20"), amt("100")}, nil, nil); err != nil || len(a.Percents()) != 2 || a.Percents()[0] != amt("100") {
		t.Errorf("%v, %v", a, err)
	}
}

func TestEventsWithinThresholds(t *testing.T) { // An event that crosses nothing appends no fact and allocates nothing.
	p, tx := benchPool(t, 2, "1000000")
	cost := amt("0.3")
	n := testing.AllocsPerRun(1000, func() {
		tx.Facts, tx.concluded = tx.Facts[:0], 0
		if err := p.Burn(tx, cost, benchCharge); err != nil {
			t.Fatal(err)
		}
		p.Conclude(tx)
		if len(tx.Facts) != 1 {
			t.Fatalf("%d facts", len(tx.Facts))
		}
	})
	if n != 0 {
		t.Errorf("%v allocations a burn", n)
	}
}

func TestCheckAlert(t *testing.T) {
	t.Parallel() // An alert that is missing, tells too little, or arms something else than its facts do is found.
	f := newFixture(t)
	f.watchFor("50", "", "80")
	f.grant("A", "100", Grant{})
	before := f.pool.Clone()
	f.now += hour
	f.burn("e1", "85")
	row := Fact{Kind: FactRow, Row: f.rows[len(f.rows)-1]}
	before.Apply(&row)
	good := f.alerts[len(f.alerts)-1]
	if err := before.CheckAlert([]Fact{row}, &good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(a *Alert) *Alert{
		"missing":    func(*Alert) *Alert { return nil },
		"less":       func(a *Alert) *Alert { a.News = a.News[:len(a.News)-1]; return a },
		"other base": func(a *Alert) *Alert { a.Base = amt("90"); return a },
		"armed":      func(a *Alert) *Alert { a.Armed |= bit(0); return a },
		"arming":     func(a *Alert) *Alert { a.Arming++; return a },
		"unmarked":   func(a *Alert) *Alert { a.Told = nil; return a },
	} {
		bad := good
		if err := before.CheckAlert([]Fact{row}, spoil(&bad)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
