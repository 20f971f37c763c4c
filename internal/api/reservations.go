package api

import (
	"time"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// ttlMax is the longest life of a reservation in seconds (semantics 6.4).
const ttlMax = int64(ledger.MaxHoldTTL / 1e6)

func (s *server) createReservation(c *call) (any, error) {
	var in wire.ReservationCreate
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	reserve, err := s.reservationIn(c, &in)
	if err != nil {
		return nil, err
	}
	hold, err := s.credits.Reserve(c.ctx, c.caller(), reserve)
	if err != nil {
		return nil, err
	}
	return s.reservationData(c, reserve.Pool, &hold)
}

func (s *server) reservationIn(c *call, in *wire.ReservationCreate) (credits.Reservation, error) {
	pool, poolErr := poolIn(c.env, in.CustomerID, in.CurrencyID, in.ResourceID)
	_, dimsErr := dimsIn("dimensions", in.Dimensions)
	if err := firstError(poolErr, dimsErr, keyText("reservationId", in.ReservationID)); err != nil {
		return credits.Reservation{}, err
	}
	if in.TTLSeconds != nil && (*in.TTLSeconds < 1 || int64(*in.TTLSeconds) > ttlMax) {
		return credits.Reservation{}, credits.Invalid("ttlSeconds", "must be from 1 to 86400")
	}
	expires, err := s.expiry(c, life{in.TTLSeconds, in.ExpiresAt, "ttlSeconds", "expiresAt"})
	return credits.Reservation{
		Pool: pool, ID: in.ReservationID, Amount: in.Amount, ExpiresAt: expires,
		Capture:        value(in.OnExpiry) == wire.ReservationOnExpiryCAPTURE,
		AllowOverdraft: value(in.AllowOverdraft),
	}, err
}

// life is how long a reservation was asked to last, in one of two ways, with the names that the request gives them.
type life struct {
	ttl               *int
	at                *time.Time
	ttlField, atField string
}

// expiry is when a reservation times out, 0 for the default.
func (s *server) expiry(c *call, l life) (ledger.Time, error) {
	now := s.credits.Now(c.env)
	switch {
	case l.ttl != nil && l.at != nil:
		return 0, credits.Invalid(l.ttlField, "cannot be combined with "+l.atField)
	case l.ttl != nil:
		return now + ledger.Time(*l.ttl)*1e6, nil
	case l.at == nil:
		return 0, nil
	}
	at := givenTime(l.at)
	if at <= now || at > now+ledger.MaxHoldTTL {
		return 0, credits.Invalid(l.atField, "must lie ahead, by at most 24 hours")
	}
	return at, nil
}

func poolIn(env, customer, currency string, resource *wire.Slug) (ledger.Key, error) {
	id, err := resourceID("resourceId", resource)
	return ledger.Key{Environment: env, Customer: customer, Currency: currency, Resource: id}, err
}

func (s *server) listReservations(c *call) (any, error) {
	q := c.query()
	pool := ledger.Key{Environment: c.env, Customer: q.required("customerId"), Currency: q.required("currencyId"), Resource: q.text("resourceId")}
	page := q.page()
	if err := q.done(); err != nil {
		return nil, err
	}
	holds, err := s.credits.Holds(c.ctx, pool)
	if err != nil {
		return nil, err
	}
	data, pagination := paged(q, pageOfPlaces(holds, page), func(p place[ledger.Hold]) wire.Reservation {
		return reservationOut(pool, &p.value)
	})
	return wire.ReservationPage{Data: data, Pagination: pagination}, nil
}

func (s *server) settleReservation(c *call) (any, error) {
	var in wire.ReservationSettle
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	pool, err := poolIn(c.env, in.CustomerID, in.CurrencyID, in.ResourceID)
	if err != nil {
		return nil, err
	}
	if in.IdempotencyKey != nil {
		if err := keyText("idempotencyKey", *in.IdempotencyKey); err != nil {
			return nil, err
		}
	}
	final := in.Final == nil || *in.Final
	if final && in.ExpiresAt != nil {
		return nil, credits.Invalid("expiresAt", "is for a partial settle, with final false")
	}
	return s.settle(c, credits.Settlement{
		Pool: pool, ID: c.path("reservationId"), Amount: in.Amount, Partial: !final, ExtendTo: givenTime(in.ExpiresAt),
		Key: settleKey(c, in.IdempotencyKey),
	})
}

// settleKey is the caller's idempotency key: in the body, or else of the request.
func settleKey(c *call, key *string) string {
	if key != nil {
		return *key
	}
	return c.effectKey
}

// releaseReservation frees what is held, after burning what was used.
func (s *server) releaseReservation(c *call) (any, error) {
	var in wire.ReservationRelease
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	pool, err := poolIn(c.env, in.CustomerID, in.CurrencyID, in.ResourceID)
	if err != nil {
		return nil, err
	}
	if used := value(in.ConsumedAmount); !used.IsZero() {
		return s.settle(c, credits.Settlement{Pool: pool, ID: c.path("reservationId"), Amount: used})
	}
	hold, err := s.credits.Release(c.ctx, c.caller(), pool, c.path("reservationId"))
	if err != nil {
		return nil, err
	}
	return s.reservationData(c, pool, &hold)
}

func (s *server) settle(c *call, in credits.Settlement) (any, error) {
	hold, err := s.credits.Settle(c.ctx, c.caller(), in)
	if err != nil {
		return nil, err
	}
	return s.reservationData(c, in.Pool, &hold)
}

// reservationData is a reservation with its pool after the call.
func (s *server) reservationData(c *call, pool ledger.Key, hold *ledger.Hold) (any, error) {
	view, err := s.credits.Pool(c.ctx, pool)
	if err != nil {
		return nil, err
	}
	out := reservationOut(pool, hold)
	out.Balance, out.Available = &view.Balance, &view.Available
	return wire.ReservationData{Data: out}, nil
}

var holdStatuses = map[ledger.HoldEnd]wire.ReservationStatus{
	ledger.HoldOpen: wire.ReservationStatusHELD, ledger.HoldSettled: wire.ReservationStatusSETTLED,
	ledger.HoldReleased: wire.ReservationStatusRELEASED, ledger.HoldExpired: wire.ReservationStatusEXPIRED,
	ledger.HoldCaptured: wire.ReservationStatusCAPTURED,
}

func reservationOut(pool ledger.Key, h *ledger.Hold) wire.Reservation {
	out := wire.Reservation{
		ReservationID: h.ID, CustomerID: pool.Customer, CurrencyID: pool.Currency, ResourceID: orNull(pool.Resource),
		Amount: h.Amount, ConsumedAmount: h.Settled, UnfundedAmount: h.Unfunded, Status: holdStatuses[h.End],
		OnExpiry: wire.ReservationOnExpiryRELEASE, CreatedAt: timeOut(h.CreatedAt), ExpiresAt: timeOut(h.ExpiresAt),
		EndedAt: timeOrNull(h.EndedAt), HeldAmount: h.Unfunded,
		Slices: listOut(h.Slices, func(s ledger.Slice) wire.ReservationSlice {
			return wire.ReservationSlice{Amount: s.Amount, CreditGrantID: engine.GrantText(s.Grant)}
		}),
	}
	if h.Capture {
		out.OnExpiry = wire.ReservationOnExpiryCAPTURE
	}
	for _, slice := range h.Slices {
		out.HeldAmount = out.HeldAmount.Add(slice.Amount)
	}
	if h.End != ledger.HoldOpen {
		out.HeldAmount, out.UnfundedAmount, out.Slices = amount.Zero, amount.Zero, []wire.ReservationSlice{}
	}
	return out
}
