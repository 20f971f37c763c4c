package linear

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// operation is one request, with what it means for the pool and what its answer tells.
type operation struct {
	input
	request
	once   bool // sent without a key, or its answer tells nothing: it must not be sent again
	accept func(*answered, answer) error
}

// answered is what an answer tells.
type answered struct {
	output
	grantID string
	seen    *output // how the pool stood at some time between the request and its answer
}

// numbers are those of a pool in an answer.
type numbers struct {
	Balance, Held, Available int64
}

func (n numbers) output() output {
	return output{outcome: done, balance: n.Balance, held: n.Held, available: n.Available}
}

// pools names the pools of one round: a customer each, and one resource for the round.
type pools struct{ resource string }

func customer(pool int) string { return "customer-" + strconv.Itoa(pool) }

// body is the members that name a pool, and others.
func (p pools) body(pool int, members object) object {
	o := object{"customerId": customer(pool), "currencyId": creditType, "resourceId": p.resource}
	for name, value := range members {
		o[name] = value
	}
	return o
}

func (p pools) query(pool int) url.Values {
	return url.Values{"customerId": {customer(pool)}, "currencyId": {creditType}, "resourceId": {p.resource}}
}

func (p pools) consumption(pool int, key string, amount int64) operation {
	body := p.body(pool, object{"amount": amount, "idempotencyKey": key, "requireBalance": true})
	return operation{
		input:   input{pool: pool, kind: consume, amount: amount},
		request: request{http.MethodPost, "/api/v1/credits/consumption", body},
		accept:  acceptTaken,
	}
}

// acceptTaken reads the answer to what takes credits that must be there.
func acceptTaken(out *answered, a answer) error {
	switch a.status {
	case http.StatusOK, http.StatusCreated:
		out.outcome = done
	case http.StatusPaymentRequired:
		out.outcome = refused
	default:
		return a.unexpected()
	}
	return nil
}

// quietConsumption uses the call that says only that it was heard. What finds too little is left out.
func (p pools) quietConsumption(pool int, key string, amount int64) operation {
	o := p.consumption(pool, key, amount)
	o.once, o.request = true, request{http.MethodPost, "/api/v1/credits/consumption/async", object{"consumptions": []any{o.body}}}
	o.accept = acceptQuietly
	return o
}

func acceptQuietly(_ *answered, a answer) error {
	if a.status/100 != 2 {
		return a.unexpected()
	}
	return nil
}

// grantLife is how long the first grant lasts; each later one lasts a second longer, so that the order in which grants
// burn is that of their numbers, whoever came first.
const grantLife = 48 * time.Hour

func (p pools) grant(pool, no int, key string, amount int64, began time.Time) operation {
	body := p.body(pool, object{
		"amount": amount, "idempotencyKey": key, "displayName": "Credits", "grantType": "PROMOTIONAL",
		"expireAt": began.Add(grantLife + time.Duration(no)*time.Second).UTC().Format(time.RFC3339),
	})
	return operation{
		input:   input{pool: pool, kind: grant, amount: amount, grant: no},
		request: request{http.MethodPost, "/api/v1/credits/grants", body},
		accept: func(out *answered, a answer) error {
			if a.status/100 != 2 {
				return a.unexpected()
			}
			out.outcome = done
			return a.data(&struct{ ID *string }{&out.grantID})
		},
	}
}

func (p pools) void(pool, no int, id string) operation {
	return operation{
		input:   input{pool: pool, kind: void, grant: no},
		request: request{http.MethodPost, "/api/v1/credits/grants/" + id + "/void", nil},
		accept: func(out *answered, a answer) error {
			out.outcome = done
			return acceptQuietly(out, a)
		},
	}
}

func (p pools) reservation(pool int, id string, amount int64) operation {
	return operation{
		input:   input{pool: pool, kind: reserve, amount: amount},
		request: request{http.MethodPost, "/api/v1/credits/reservations", p.body(pool, object{"reservationId": id, "amount": amount})},
		accept:  acceptHold,
	}
}

// acceptHold reads the answer to what makes or ends a hold, which also tells how the pool stands.
func acceptHold(out *answered, a answer) error {
	if err := acceptTaken(out, a); err != nil || out.outcome == refused {
		return err
	}
	var pool numbers
	if err := a.data(&pool); err != nil {
		return err
	}
	pool.Held = pool.Balance - pool.Available
	seen := pool.output()
	out.seen = &seen
	return nil
}

// end settles a hold with an amount, or releases it when that is 0.
func (p pools) end(pool int, id string, held, amount int64) operation {
	o := operation{
		input:  input{pool: pool, kind: settle, amount: amount, hold: held},
		accept: acceptHold,
	}
	call, members := "settle", object{"amount": amount}
	if amount == 0 {
		o.kind, call, members = release, "release", nil
	}
	o.request = request{http.MethodPost, "/api/v1/credits/reservations/" + id + "/" + call, p.body(pool, members)}
	return o
}

func (p pools) balance(pool int) operation {
	return operation{
		input:   input{pool: pool, kind: read},
		request: request{http.MethodGet, "/api/v1/credits/balances?" + p.query(pool).Encode(), nil},
		accept: func(out *answered, a answer) error {
			var found []numbers
			if a.status != http.StatusOK {
				return a.unexpected()
			}
			if err := a.data(&found); err != nil || len(found) > 1 {
				return fmt.Errorf("%d pools, %w", len(found), err)
			}
			out.outcome = done
			if len(found) == 1 {
				out.output = found[0].output()
			}
			return nil
		},
	}
}

func (p pools) check(pool int, asked int64) operation {
	q := p.query(pool)
	q.Del("customerId")
	q.Set("requestedUsage", strconv.FormatInt(asked, 10))
	return operation{
		input:   input{pool: pool, kind: read, amount: asked},
		request: request{http.MethodGet, "/api/v1/customers/" + customer(pool) + "/entitlements/check?" + q.Encode(), nil},
		accept: func(out *answered, a answer) error {
			if a.status != http.StatusOK {
				return a.unexpected()
			}
			var told struct {
				IsGranted                             bool
				CurrentBalance, HeldAmount, Remaining int64
			}
			if err := a.data(&told); err != nil {
				return err
			}
			out.output = numbers{told.CurrentBalance, told.HeldAmount, told.Remaining}.output()
			out.enough = &told.IsGranted
			return nil
		},
	}
}
