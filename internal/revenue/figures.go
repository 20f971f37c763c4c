package revenue

import (
	"encoding/hex"

	"github.com/scrip-dev/scrip/internal/amount"
)

// Figures are movements of money in major units of one currency, at its minor unit. They say what happened to deferred
// revenue, and which account stands on the other side (semantics 19.3).
type Figures struct {
	Cash       amount.Amount // granted, and paid or paid elsewhere
	Receivable amount.Amount // granted, and not paid yet
	Recognised amount.Amount // consumed; what was taken back is subtracted
	Breakage   amount.Amount // expired; likewise
	Refundable amount.Amount // voided, and paid before
	WrittenOff amount.Amount // voided, and never paid
	// Rolled is what left a grant for its child in a roll-over; with the child it is negative. Over both it is 0: the money
	// of a child is what its parent gave.
	Rolled amount.Amount
}

// Granted is the cost of what became usable.
func (f *Figures) Granted() amount.Amount { return f.Cash.Add(f.Receivable) }

// Voided is what was taken away. What a roll-over lost between parent and child, which is nothing, would count here.
func (f *Figures) Voided() amount.Amount { return f.Refundable.Add(f.WrittenOff).Add(f.Rolled) }

// Net is by how much deferred revenue grew.
func (f *Figures) Net() amount.Amount {
	return f.Granted().Sub(f.Recognised).Sub(f.Breakage).Sub(f.Voided())
}

// Add adds the movements of another.
func (f *Figures) Add(o *Figures) {
	into, from := f.members(), o.members()
	for i := range into {
		*into[i] = into[i].Add(*from[i])
	}
}

// members lists all movements in a fixed order.
func (f *Figures) members() []*amount.Amount {
	return []*amount.Amount{&f.Cash, &f.Receivable, &f.Recognised, &f.Breakage, &f.Refundable, &f.WrittenOff, &f.Rolled}
}

// MarshalText writes the movements as stored: totals may have more digits than one amount.
func (f Figures) MarshalText() ([]byte, error) {
	var b []byte
	for _, a := range f.members() {
		b = a.AppendBinary(b)
	}
	return hex.AppendEncode(nil, b), nil
}

// UnmarshalText reads what MarshalText wrote.
func (f *Figures) UnmarshalText(text []byte) error {
	b, err := hex.AppendDecode(nil, text)
	for _, a := range f.members() {
		if err == nil {
			*a, b, err = amount.DecodeBinary(b)
		}
	}
	if err == nil && len(b) > 0 {
		err = amount.ErrCorrupt
	}
	return err
}
