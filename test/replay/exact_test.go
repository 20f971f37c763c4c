package replay

import (
	"crypto/sha256"
	"encoding/csv"
	"fmt"
	"math/big"
	"os"
	"strconv"
	"testing"
	"time"
)

// What `scrip replay --help` states.
const (
	customers  = 200
	seed       = 1
	tokens     = "replay-llm-tokens"
	requests   = "replay-llm-requests"
	creditType = "replay-credits"
	granted    = 1000
)

// recording is the file that is replayed.
const recording = "../../testdata/azure-llm-inference-2023-code.csv"

// exactEvent is one row of the recording with its price.
type exactEvent struct {
	key      string
	customer string
	at       time.Time           // as recorded
	costs    map[string]*big.Rat // by feature
}

// account is what must be true of one customer after the replay.
type account struct {
	events []exactEvent
	burned *big.Rat
	rows   int // of the ledger
	// hours holds the credits and events of each feature and hour in which there were any.
	hours map[string]map[time.Time]*bucket
}

// bucket is one hour of one feature.
type bucket struct {
	value  *big.Rat
	events int
}

// readRecording prices the recording row by row.
func readRecording(t *testing.T) []exactEvent {
	t.Helper()
	text, err := os.ReadFile(recording)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(recording)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	digest := fmt.Sprintf("%x", sha256.Sum256(text))[:16]
	var events []exactEvent
	for i, line := range lines[1:] {
		at, err := time.Parse(time.DateTime, line[0])
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, exactEvent{
			key:      fmt.Sprintf("%s-%d", digest, i+1),
			customer: fmt.Sprintf("replay-%d", drawn(i+1)),
			at:       at,
			costs:    map[string]*big.Rat{tokens: priceOf(count(t, line[1]), count(t, line[2])), requests: big.NewRat(1, 100)},
		})
	}
	return events
}

func count(t *testing.T, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// priceOf is (3·input + 15·output) / 1024, rounded half away from zero to 9 digits. It is never negative.
func priceOf(input, output int64) *big.Rat {
	scaled := big.NewInt(3*input + 15*output)
	scaled.Mul(scaled, big.NewInt(2*1_000_000_000))
	scaled.Add(scaled, big.NewInt(1024))
	scaled.Quo(scaled, big.NewInt(2*1024))
	return new(big.Rat).SetFrac(scaled, big.NewInt(1_000_000_000))
}

// drawn answers the customer of a row, by the plain reading of the rule.
func drawn(row int) int {
	total := new(big.Int)
	for k := int64(1); k <= customers; k++ {
		total.Add(total, big.NewInt(1_000_000_000/k))
	}
	hash := sha256.Sum256([]byte(strconv.Itoa(seed) + ":" + strconv.Itoa(row)))
	x := new(big.Int).SetBytes(hash[:8])
	x.Mod(x, total)
	for k := int64(1); ; k++ {
		x.Sub(x, big.NewInt(1_000_000_000/k))
		if x.Sign() < 0 {
			return int(k)
		}
	}
}

// accountsOf folds events whose times have moved by shift into what must be true of each customer.
func accountsOf(events []exactEvent, shift time.Duration) map[string]*account {
	accounts := map[string]*account{}
	for k := 1; k <= customers; k++ {
		accounts[fmt.Sprintf("replay-%d", k)] = &account{burned: new(big.Rat), rows: 1, hours: map[string]map[time.Time]*bucket{}}
	}
	for _, e := range events {
		e.at = e.at.Add(shift).UTC()
		accounts[e.customer].add(e)
	}
	return accounts
}

func (a *account) add(e exactEvent) {
	a.events = append(a.events, e)
	hour := e.at.Truncate(time.Hour)
	// The rows of one event are ordered by feature.
	for _, feature := range []string{requests, tokens} {
		cost := e.costs[feature]
		if cost.Sign() == 0 {
			continue
		}
		a.rows += a.rowsOf(cost)
		a.burned.Add(a.burned, cost)
		if a.hours[feature] == nil {
			a.hours[feature] = map[time.Time]*bucket{}
		}
		if a.hours[feature][hour] == nil {
			a.hours[feature][hour] = &bucket{value: new(big.Rat)}
		}
		a.hours[feature][hour].value.Add(a.hours[feature][hour].value, cost)
		a.hours[feature][hour].events++
	}
}

// rowsOf answers how many rows a cost takes: two for the one that uses up the grant and goes on into the overdraft.
func (a *account) rowsOf(cost *big.Rat) int {
	left := a.balance()
	if left.Sign() > 0 && left.Cmp(cost) < 0 {
		return 2
	}
	return 1
}

func (a *account) balance() *big.Rat { return new(big.Rat).Sub(big.NewRat(granted, 1), a.burned) }

func TestExactPrices(t *testing.T) {
	// The independent computation itself is right where it can be checked by hand.
	t.Parallel()
	tests := []struct {
		input, output int64
		want          string
	}{
		{0, 0, "0.000000000"},
		{1024, 0, "3.000000000"},
		{0, 1024, "15.000000000"},
		{1, 0, "0.002929688"}, // 0.0029296875
		{4808, 10, "14.232421875"},
		{3, 0, "0.008789063"}, // 0.0087890625
	}
	for _, test := range tests {
		if got := priceOf(test.input, test.output).FloatString(9); got != test.want {
			t.Errorf("price of %d, %d is %s, want %s", test.input, test.output, got, test.want)
		}
	}
	a := &account{burned: big.NewRat(9995, 10), hours: map[string]map[time.Time]*bucket{}}
	for _, cost := range []struct {
		cost *big.Rat
		rows int
	}{{big.NewRat(1, 2), 1}, {big.NewRat(3, 4), 2}} {
		if got := a.rowsOf(cost.cost); got != cost.rows {
			t.Errorf("a cost of %s with 0.5 left takes %d rows, want %d", cost.cost, got, cost.rows)
		}
	}
}
