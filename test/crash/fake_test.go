package crash

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"math/rand/v2"
)

// fake is a server in memory with faults that a test can switch on. It has one overdraft and no grants that burn: it
// is there to keep its word or to break it, not to be right about credits.
type fake struct {
	mu    sync.Mutex
	pools map[string]*fakePool
	acted map[string]object // answers by key
	steps int

	loseEvery   int // every so many effects are acknowledged and forgotten
	doubleEvery int // every so many repeated keys act again
	dropEvery   int // every so many answers are lost on the way
}

type fakePool struct {
	rows   []row
	events []event
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.Method == http.MethodGet {
		f.read(w, r)
		return
	}
	data := f.act(r)
	f.steps++
	if f.dropEvery > 0 && f.steps%f.dropEvery == 0 {
		panic(http.ErrAbortHandler)
	}
	reply(w, object{"data": data})
}

func (f *fake) act(r *http.Request) any {
	var body struct {
		Events []struct {
			CustomerID, IdempotencyKey string
			Dimensions                 struct{ Units int64 }
		}
		CustomerID, IdempotencyKey string
		Amount                     credits
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		panic(err)
	}
	switch {
	case strings.HasSuffix(r.URL.Path, "/grants"):
		return f.once(body.CustomerID, body.IdempotencyKey, body.Amount, f.grant)
	case strings.HasSuffix(r.URL.Path, "/consumption"):
		return f.once(body.CustomerID, body.IdempotencyKey, body.Amount, f.burn)
	}
	results := []object{}
	for _, e := range body.Events {
		u := usage{e.CustomerID, e.IdempotencyKey, e.Dimensions.Units}
		results = append(results, f.once(u.customer, u.key, u.cost(), f.burn))
	}
	if strings.HasSuffix(r.URL.Path, "/events") {
		return object{}
	}
	return results
}

// once acts unless the key has acted, as far as its faults let it.
func (f *fake) once(customer, key string, amount credits, act func(p *fakePool, key string, amount credits) object) object {
	p := f.pools[customer]
	if p == nil {
		p = &fakePool{}
		f.pools[customer] = p
	}
	f.steps++
	if first, ok := f.acted[key]; ok {
		if f.doubleEvery > 0 && f.steps%f.doubleEvery == 0 {
			act(p, key, amount)
		}
		again := object{}
		for name, value := range first {
			again[name] = value
		}
		again["duplicate"] = true
		return again
	}
	answer := act(p, key, amount)
	f.acted[key] = answer
	if f.loseEvery > 0 && f.steps%f.loseEvery == 0 {
		p.forget()
	}
	return answer
}

// forget takes back the last effect.
func (p *fakePool) forget() {
	last := p.rows[len(p.rows)-1]
	p.rows = p.rows[:len(p.rows)-1]
	if last.EventID != "" {
		p.events = p.events[1:]
	}
}

func (f *fake) burn(p *fakePool, key string, amount credits) object {
	e := event{ID: fmt.Sprintf("evt_%d", f.steps), IdempotencyKey: key, Status: "RATED"}
	e.Burns = append(e.Burns, struct{ Cost credits }{amount})
	p.events = append([]event{e}, p.events...)
	p.post(row{EventType: "CREDITS_CONSUMED", Amount: -amount, EventID: e.ID, TxnID: e.ID})
	return object{"eventId": e.ID, "amount": amount, "status": "RATED", "duplicate": false, "burns": e.Burns}
}

func (f *fake) grant(p *fakePool, _ string, amount credits) object {
	id := fmt.Sprintf("cred-grant-%d", f.steps)
	p.post(row{EventType: "CREDITS_GRANTED", Amount: amount, CreditGrantID: id, TxnID: id})
	return object{"id": id, "amount": amount, "duplicate": false}
}

// post completes the running numbers.
func (p *fakePool) post(r row) {
	r.Seq = int64(len(p.rows)) + 1
	if r.Seq > 1 {
		before := p.rows[r.Seq-2]
		r.StartBalance, r.PrevHash = before.EndBalance, before.Hash
	}
	r.EndBalance = r.StartBalance + r.Amount
	r.Hash = fmt.Sprint(r)
	p.rows = append(p.rows, r)
}

func (f *fake) read(w http.ResponseWriter, r *http.Request) {
	p := f.pools[r.URL.Query().Get("customerId")]
	if p == nil {
		p = &fakePool{}
	}
	var data any = []object{}
	switch r.URL.Path {
	case "/api/v1/credits/ledger":
		rows := []row{}
		for i := range p.rows {
			rows = append(rows, p.rows[len(p.rows)-1-i])
		}
		data = rows
	case "/api/v1/events":
		data = p.events
	case "/api/v1/credits/balances":
		var state pool
		if n := len(p.rows); n > 0 {
			last := p.rows[n-1]
			state = pool{Balance: last.EndBalance, Seq: last.Seq, HeadHash: last.Hash}
		}
		data = []pool{state}
	}
	reply(w, object{"data": data, "pagination": object{"next": nil}})
}

func reply(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(body); err != nil {
		panic(err)
	}
}

// simple is the part of the load that the fake understands.
var simple = []choice{
	{4, (*worker).oneEvent}, {3, (*worker).batch}, {2, (*worker).quietBatch}, {3, (*worker).consumption},
	{1, func(w *worker) (operation, bool) { return granting(w.customer(), w.key(), w.amount(300), 1, 0), true }},
}

func TestCheckFindsWhatAServerLosesOrDoubles(t *testing.T) {
	// With a server that keeps its word, lost answers included, the check finds nothing; with one that forgets or
	// repeats an effect now and then it finds that.
	t.Parallel()
	tests := map[string]struct {
		server *fake
		want   string
	}{
		"honest":       {&fake{}, ""},
		"lost_answers": {&fake{dropEvery: 3}, ""},
		"forgets":      {&fake{loseEvery: 97}, "LOST"},
		"doubles":      {&fake{dropEvery: 3, doubleEvery: 13}, "two events"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.server.pools, test.server.acted = map[string]*fakePool{}, map[string]object{}
			err := runAgainst(t, test.server)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("the check says %v; want %q", err, test.want)
			}
		})
	}
}

// runAgainst lets workers loose on a fake and checks in between.
func runAgainst(t *testing.T, server *fake) error {
	t.Helper()
	web := httptest.NewUnstartedServer(server)
	web.Config.ErrorLog = nil
	web.Start()
	defer web.Close()
	r := newRun(fakeOptions, 1, 1, 0, 1)
	r.target = only(web.URL)
	w := &worker{
		client: newClient(r.target), book: r.book, customers: r.customers(), mix: simple, random: rand.New(rand.NewPCG(1, 2)),
	}
	for range 3 {
		for range 60 {
			if err := w.step(t.Context()); err != nil {
				return err
			}
		}
		if err := r.check(t.Context()); err != nil {
			return err
		}
	}
	return nil
}
