package api

import (
	"time"

	"github.com/oapi-codegen/nullable"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// Names end in In for wire → domain and in Out for domain → wire. The domain has zero values where the wire has null.

// timeOut is an instant in an answer.
func timeOut(t ledger.Time) time.Time { return time.UnixMicro(int64(t)).UTC() }

// timeOrNull is null for 0, which stands for "not" and "never" in the domain.
func timeOrNull(t ledger.Time) *time.Time {
	if t == 0 || t == ledger.Never {
		return nil
	}
	at := timeOut(t)
	return &at
}

// timeIn is an instant of a request, cut to microseconds; nil stays nil.
func timeIn(t *time.Time) *ledger.Time {
	if t == nil {
		return nil
	}
	at := ledger.Time(t.UnixMicro())
	return &at
}

// orNull is null for the zero value.
func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// enumOrNull is null for the empty value, else the wire's spelling of it.
func enumOrNull[W, D ~string](v D) *W {
	if v == "" {
		return nil
	}
	w := W(v)
	return &w
}

// value is the zero value for an absent member.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// enumIn is the empty value for an absent member.
func enumIn[D, W ~string](p *W) D { return D(value(p)) }

// listOut converts every element. The result is never nil.
func listOut[D, W any](list []D, convert func(D) W) []W {
	out := make([]W, len(list))
	for i, v := range list {
		out[i] = convert(v)
	}
	return out
}

// listIn converts every element. A nil list, which was not sent, stays nil.
func listIn[W, D any](list []W, convert func(*W) D) []D {
	if list == nil {
		return nil
	}
	in := make([]D, len(list))
	for i := range list {
		in[i] = convert(&list[i])
	}
	return in
}

// patch is a member of an update that cannot be null.
func patch[T any](p *T) credits.Patch[T] {
	if p == nil {
		return credits.Patch[T]{}
	}
	return credits.Set(*p)
}

// patchOf is a member of an update that null clears.
func patchOf[T any](n nullable.Nullable[T]) credits.Patch[T] {
	return patchVia(n, func(v *T) T { return value(v) })
}

// patchVia is patchOf with a conversion, which gets nil for null.
func patchVia[W, D any](n nullable.Nullable[W], convert func(*W) D) credits.Patch[D] {
	switch {
	case !n.IsSpecified():
		return credits.Patch[D]{}
	case n.IsNull():
		return credits.Set(convert(nil))
	}
	v := n.MustGet()
	return credits.Set(convert(&v))
}

// patchList is a list of an update; an empty one clears, an absent one is nil.
func patchList[W, D any](list []W, convert func(*W) D) credits.Patch[[]D] {
	if list == nil {
		return credits.Patch[[]D]{}
	}
	return credits.Set(listIn(list, convert))
}

// patchMetadata is metadata of an update that cannot be null; {} clears.
func patchMetadata(m wire.Metadata) credits.Patch[map[string]string] {
	if m == nil {
		return credits.Patch[map[string]string]{}
	}
	return credits.Set(m)
}

// patchEnum is an enumeration of an update that cannot be null.
func patchEnum[W ~string](p *W) credits.Patch[string] {
	if p == nil {
		return credits.Patch[string]{}
	}
	return credits.Set(string(*p))
}

// patchPointer is a member that cannot be null in an update, although it may never have been set.
func patchPointer[T any](p *T) credits.Patch[*T] { return credits.Patch[*T]{Sent: p != nil, To: p} }

// text is an element of a list of texts.
func text[D, W ~string](v *W) D { return D(*v) }

// moneyOut is an amount of money in an answer.
func moneyOut(m ledger.Money) wire.Money {
	return wire.Money{Amount: m.Amount, Currency: wire.Currency(m.Currency)}
}

func moneyOrNull(m *ledger.Money) *wire.Money {
	if m == nil {
		return nil
	}
	out := moneyOut(*m)
	return &out
}

// moneyIn is an optional price; the currency may be left to the default.
func moneyIn(m *wire.ChargeMoneyInput) *ledger.Money {
	if m == nil {
		return nil
	}
	return &ledger.Money{Amount: m.Amount, Currency: string(value(m.Currency))}
}

// countOrNull is an optional whole number as an amount.
func countOrNull(n *int64) *amount.Amount {
	if n == nil {
		return nil
	}
	a := amount.FromInt(*n)
	return &a
}

// sent is a member of a union that a request may carry.
type sent struct {
	name string
	is   bool
}

// refuse fails for the first member that belongs to another variant of a union.
func refuse(path, variant string, members ...sent) error {
	for _, m := range members {
		if m.is {
			return credits.Invalid(path+m.name, "does not belong to type "+variant)
		}
	}
	return nil
}
