package rival

// work is one request of the batched form, decided in memory.
type work struct {
	now    int64
	pools  map[string]*pool
	ledger []any // rows of the ledger statement
	usage  map[usageKey]usage
}

// pool is what a customer has.
type pool struct {
	grants  []grant // in burn order
	balance int64
}

// grant is what is left of one grant.
type grant struct {
	id, remaining int64
	touched       bool
}

// usageKey names one bar of a usage chart.
type usageKey struct {
	customer, name string
	hour           int64
}

// usage is what a request adds to one bar.
type usage struct{ events, units, cost int64 }

func newWork(now int64) *work {
	return &work{now: now, pools: map[string]*pool{}, usage: map[usageKey]usage{}}
}

// burn takes the cost of an event from its customer's grants in order; what no grant pays makes the balance negative.
func (w *work) burn(e stored) {
	p := w.pools[e.Customer]
	due := e.cost()
	for i := range p.grants {
		if due == 0 {
			break
		}
		g := &p.grants[i]
		part := min(due, g.remaining)
		if part == 0 {
			continue
		}
		g.remaining -= part
		g.touched = true
		due -= part
		w.post(p, e, g.id, part)
	}
	if due > 0 {
		w.post(p, e, nil, due)
	}
	k := usageKey{e.Customer, e.Name, hourOf(e.At)}
	u := w.usage[k]
	w.usage[k] = usage{u.events + 1, u.units + e.Units, u.cost + e.cost()}
}

// post writes a ledger row. grant is nil or an id.
func (w *work) post(p *pool, e stored, grant any, part int64) {
	p.balance -= part
	w.ledger = append(w.ledger, e.Customer, grant, e.id, -part, p.balance, w.now)
}

// changes answers the rows for the grants and the balances.
func (w *work) changes() (grants, balances []any) {
	for customer, p := range w.pools {
		balances = append(balances, customer, p.balance, w.now)
		for _, g := range p.grants {
			if g.touched {
				grants = append(grants, g.id, g.remaining)
			}
		}
	}
	return grants, balances
}

// usageRows answers the rows for the rollup.
func (w *work) usageRows() []any {
	values := make([]any, 0, len(w.usage)*6)
	for k, u := range w.usage {
		values = append(values, k.customer, k.name, k.hour, u.events, u.units, u.cost)
	}
	return values
}
