package crash

import (
	"fmt"
	"strings"
	"testing"

	"github.com/scrip-dev/scrip/test/crash/process"
)

var fakeOptions process.Options

// burn makes a stored event.
func burn(id, key string, cost credits) event {
	return event{ID: id, IdempotencyKey: key, Status: "RATED", Burns: []struct{ Cost credits }{{cost}}}
}

// ledgerOf completes rows to a ledger.
func ledgerOf(rows ...row) []row {
	p := &fakePool{}
	for _, r := range rows {
		p.post(r)
	}
	return p.rows
}

// truth is a customer whose book and server agree about one effect of every kind.
func truth() ([]effect, observation) {
	effects := []effect{
		{kind: granted, key: "k1", id: "g1", amount: 100 * one},
		{kind: granted, key: "k2", id: "g2", amount: 5 * one, expires: true},
		{kind: burned, key: "k3", id: "e1", amount: 3 * one},
		{kind: burned, key: "k4", amount: 2 * one},
		{kind: held, key: "h1", amount: 10 * one},
		{kind: held, key: "h2", amount: 7 * one},
		{kind: ended, key: "h1", amount: 4*one + 1},
		{kind: reversed, id: "e1", amount: 3 * one},
		{kind: voided, id: "g1"},
	}
	rows := ledgerOf(
		row{EventType: "CREDITS_GRANTED", Amount: 100 * one, CreditGrantID: "g1"},
		row{EventType: "CREDITS_GRANTED", Amount: 5 * one, CreditGrantID: "g2"},
		row{EventType: "CREDITS_CONSUMED", Amount: -2 * one, CreditGrantID: "g1", EventID: "e1"},
		row{EventType: "CREDITS_CONSUMED", Amount: -1 * one, CreditGrantID: "g2", EventID: "e1"},
		row{EventType: "CREDITS_CONSUMED", Amount: -2 * one, CreditGrantID: "g1", EventID: "e2"},
		row{EventType: "CREDITS_CONSUMED", Amount: -4*one - 1, CreditGrantID: "g1", TxnID: "t1"},
		row{EventType: "CREDITS_CONSUMPTION_REVERSED", Amount: 3 * one, CreditGrantID: "g1", EventID: "e1"},
		row{EventType: "CREDITS_EXPIRED", Amount: -4 * one, CreditGrantID: "g2"},
		row{EventType: "CREDITS_VOIDED", Amount: -80 * one, CreditGrantID: "g1"},
	)
	last := rows[len(rows)-1]
	return effects, observation{
		rows: rows, events: []event{burn("e2", "k4", 2*one), burn("e1", "k3", 3*one)},
		pool:   pool{Balance: last.EndBalance, Held: 7 * one, Seq: last.Seq, HeadHash: last.Hash},
		holds:  map[string]credits{"h2": 7 * one},
		voided: map[string]bool{"g1": true},
	}
}

func TestJudgeFindsEveryDifference(t *testing.T) {
	// The truth passes; each single difference between book and server is named.
	t.Parallel()
	tests := map[string]struct {
		change func(effects *[]effect, seen *observation)
		want   string
	}{
		"truth":               {func(*[]effect, *observation) {}, ""},
		"lost_event":          {func(_ *[]effect, o *observation) { o.events = o.events[:1] }, "LOST: key k3"},
		"extra_event":         {func(e *[]effect, _ *observation) { (*e)[3].key = "other" }, "EXTRA: event e2 has key k4"},
		"two_events":          {func(_ *[]effect, o *observation) { o.events = append(o.events, burn("e9", "k3", 3*one)) }, "two events"},
		"other_event_id":      {func(e *[]effect, _ *observation) { (*e)[2].id = "e9" }, "stored as e1"},
		"other_cost":          {func(e *[]effect, _ *observation) { (*e)[2].amount++ }, "acknowledged 3.000000001"},
		"not_rated":           {func(_ *[]effect, o *observation) { o.events[0].Status = "QUARANTINED" }, "QUARANTINED"},
		"refused_event":       {func(e *[]effect, o *observation) { o.events[0].IdempotencyKey = "refused" }, "was refused"},
		"lost_grant":          {func(e *[]effect, _ *observation) { *e = append(*e, effect{kind: granted, id: "g9", amount: 1}) }, "LOST: grant g9"},
		"extra_grant":         {func(e *[]effect, _ *observation) { *e = (*e)[1:] }, "EXTRA: grant g1"},
		"other_grant_amount":  {func(e *[]effect, _ *observation) { (*e)[0].amount++ }, "EXTRA: grant g1"},
		"lost_settlement":     {func(e *[]effect, _ *observation) { (*e)[6].amount++ }, "LOST: reservation h1"},
		"extra_settlement":    {func(e *[]effect, _ *observation) { (*e)[6].amount = 0 }, "EXTRA: 1 settlements of 4.000000001"},
		"lost_reversal":       {func(e *[]effect, _ *observation) { (*e)[7].id = "e2" }, "LOST: reversal of e2"},
		"extra_reversal":      {func(e *[]effect, _ *observation) { (*e)[7].kind = 0 }, "EXTRA: 3 of event e1"},
		"lost_void":           {func(_ *[]effect, o *observation) { o.voided["g1"] = false }, "LOST: grant g1 is not void"},
		"extra_void":          {func(e *[]effect, _ *observation) { *e = (*e)[:8] }, "EXTRA: grant g1 was voided"},
		"extra_expiry":        {func(e *[]effect, _ *observation) { (*e)[1].expires = false }, "EXTRA: grant g2 expired"},
		"lost_hold":           {func(_ *[]effect, o *observation) { o.holds, o.pool.Held = nil, 0 }, "LOST: reservation h2"},
		"extra_hold":          {func(_ *[]effect, o *observation) { o.holds["h1"] = one; o.pool.Held += one }, "EXTRA: reservation h1"},
		"other_held":          {func(_ *[]effect, o *observation) { o.pool.Held++ }, "are held"},
		"other_balance":       {func(_ *[]effect, o *observation) { o.pool.Balance++ }, "the balance is"},
		"other_number":        {func(_ *[]effect, o *observation) { o.pool.Seq++ }, "the balance is"},
		"other_head":          {func(_ *[]effect, o *observation) { o.pool.HeadHash = "x" }, "the balance is"},
		"gap":                 {func(_ *[]effect, o *observation) { o.rows = append(o.rows[:7:7], o.rows[8]) }, "row 9 follows row 7"},
		"broken_chain":        {func(_ *[]effect, o *observation) { o.rows[4].PrevHash = "x" }, "row 5 does not continue"},
		"wrong_sum":           {func(_ *[]effect, o *observation) { o.rows[4].EndBalance++ }, "row 5"},
		"unsettled_transfer":  {func(_ *[]effect, o *observation) { o.rows[7].EventType = "CREDITS_CONSUMPTION_TRANSFER_SOURCE" }, "transfers add up"},
		"row_of_unknown_type": {func(_ *[]effect, o *observation) { o.rows[7].EventType = "CREDITS_UPDATED" }, "CREDITS_UPDATED"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			effects, seen := truth()
			test.change(&effects, &seen)
			refused := func(key string) bool { return key == "refused" }
			faults := strings.Join(newAccount().judge("c", effects, refused, seen), "\n")
			if (faults == "") != (test.want == "") || !strings.Contains(faults, test.want) {
				t.Errorf("faults %q; want %q", faults, test.want)
			}
		})
	}
}

func TestJudgeRemembersTheHead(t *testing.T) {
	// After a check, rows must continue from the row seen last: a ledger that was cut and grew again is found.
	t.Parallel()
	a := newAccount()
	effects, seen := truth()
	if faults := a.judge("c", effects, func(string) bool { return false }, seen); len(faults) > 0 {
		t.Fatal(faults)
	}
	next := row{Seq: 10, EventType: "CREDITS_CONSUMED", Amount: -one, StartBalance: a.balance, EndBalance: a.balance - one,
		EventID: "e3", PrevHash: "of another row", Hash: "h"}
	again := observation{
		rows: []row{next}, events: []event{burn("e3", "k5", one)}, holds: seen.holds,
		pool: pool{Balance: next.EndBalance, Held: 7 * one, Seq: 10, HeadHash: "h"},
	}
	faults := a.judge("c", []effect{{kind: burned, key: "k5", amount: one}}, func(string) bool { return false }, again)
	if len(faults) != 1 || !strings.Contains(faults[0], "does not continue") {
		t.Errorf("faults %q", faults)
	}
	if a.event != "e3" {
		t.Errorf("the newest event is %s", a.event)
	}
}

func TestCredits(t *testing.T) {
	// Amounts are read and written exactly, in plain notation.
	t.Parallel()
	for _, text := range []string{"0", "1", "-1", "0.000000001", "-0.5", "123456789.123456789", "12.05"} {
		var c credits
		if err := c.UnmarshalJSON([]byte(text)); err != nil || c.String() != text {
			t.Errorf("%s is read as %s, %v", text, c, err)
		}
	}
	for _, text := range []string{"", "-", "1e3", `"1"`, "0.0000000001", "12345678901", "1.2.3"} {
		var c credits
		if err := c.UnmarshalJSON([]byte(text)); err == nil {
			t.Errorf("%q is read as %s", text, c)
		}
	}
	if got := fmt.Sprint(usage{units: 3}.cost()); got != "1.375" {
		t.Errorf("three units cost %s", got)
	}
}
