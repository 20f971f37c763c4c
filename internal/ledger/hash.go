package ledger

import (
	"crypto/sha256"
	"fmt"
	"strconv"

	"github.com/scrip-dev/scrip/internal/amount"
)

// hashVersion is the first field of every row's canonical form. A change of the form needs a new one.
const hashVersion = "scrip-row-1"

// HashRow returns the hash of a row, given the hash of the row before it in the same pool (32 zero bytes before the
// first). r.Hash is not looked at.
//
// The hash is SHA-256 over the concatenation of the fields below, in this order. Anyone can recompute it from an export.
//
//	field       a length and that many bytes of UTF-8 text. The length counts bytes and is written as an unsigned
//	            LEB128 varint: 7 bits a byte, lowest first, the top bit set on every byte but the last. Lengths below
//	            128, nearly all, are one byte.
//	optional    one byte: 0 if the value is absent and nothing follows, 1 if it is present and a field follows.
//	number      a field with the number in decimal digits, with a leading '-' if negative.
//	amount      a field with the amount in plain notation: shortest exact form, no exponent, no '+', no trailing
//	            zeros after the point, "0" for zero.
//
//	 1  field     the text "scrip-row-1"
//	 2  raw       the previous row's hash, 32 bytes, without a length
//	 3  field     environment id
//	 4  field     customer id
//	 5  field     credit type id
//	 6  optional  resource id
//	 7  number    seq
//	 8  field     transaction id
//	 9  number    posting time, microseconds since the Unix epoch
//	10  optional  event time, the same; a number
//	11  field     row type: GRANTED, CONSUMED, EXPIRED, VOIDED, UPDATED, TRANSFER_SOURCE, TRANSFER_TARGET,
//	              EXPIRY_REVERSED, CONSUMPTION_REVERSED, ROLLED_IN or ROLLED_OUT
//	12  amount    amount
//	13  amount    start balance
//	14  amount    end balance
//	15  number    grant id, as a number
//	16  optional  event id
//	17  optional  feature id
//	18  optional  mapping id
//	19  optional  mapping version, a number; absent when it is 0
//	20  optional  money amount; absent when it is 0
//	21  optional  money currency; absent when the amount is 0
//	22  field     actor kind: SYSTEM, ADMIN, API or CUSTOMER
//	23  optional  actor id
//	24  optional  reason
//
// Lengths and presence bytes make the form injective: two different rows never read alike (reliability I18).
func HashRow(key *Key, prev [32]byte, r *Row) [32]byte {
	var room [512]byte // on the stack: an ordinary row fits, so hashing allocates nothing
	b := appendField(room[:0], hashVersion)
	b = append(b, prev[:]...)
	b = appendField(b, key.Environment)
	b = appendField(b, key.Customer)
	b = appendField(b, key.Currency)
	b = appendOptional(b, key.Resource)
	b = appendNumber(b, int64(r.Seq))
	b = appendField(b, r.Cause.Txn)
	b = appendNumber(b, int64(r.PostedAt))
	b = appendOptionalNumber(b, int64(r.Cause.EventAt))
	b = appendField(b, r.Type.String())
	b = appendAmount(b, r.Amount)
	b = appendAmount(b, r.Start)
	b = appendAmount(b, r.End)
	b = appendNumber(b, int64(r.Grant))
	b = appendOptional(b, r.Cause.Event)
	b = appendOptional(b, r.Charge.Feature)
	b = appendOptional(b, r.Charge.Mapping)
	b = appendOptionalNumber(b, int64(r.Charge.Version))
	b = appendMoney(b, r.Money)
	b = appendField(b, r.Cause.Actor.Kind.String())
	b = appendOptional(b, r.Cause.Actor.ID)
	b = appendOptional(b, r.Cause.Reason)
	return sha256.Sum256(b)
}

// VerifyRows checks that rows continue a pool's chain after the hash prev: every hash is right (I18) and seq, posting
// times and balances follow each other (I1, I2). The error names the first bad row.
func VerifyRows(key *Key, prev [32]byte, rows []Row) error {
	for i := range rows {
		r := &rows[i]
		if r.Hash != HashRow(key, prev, r) {
			return fmt.Errorf("ledger: I18 broken: row %d has a wrong hash", r.Seq)
		}
		if r.End != r.Start.Add(r.Amount) {
			return fmt.Errorf("ledger: I2 broken: row %d does not add up", r.Seq)
		}
		if i > 0 {
			before := &rows[i-1]
			if r.Seq != before.Seq+1 || r.PostedAt < before.PostedAt {
				return fmt.Errorf("ledger: I1 broken: row %d does not follow row %d", r.Seq, before.Seq)
			}
			if r.Start != before.End {
				return fmt.Errorf("ledger: I2 broken: row %d does not start where row %d ends", r.Seq, before.Seq)
			}
		}
		prev = r.Hash
	}
	return nil
}

func appendField(b []byte, s string) []byte {
	return append(appendLength(b, len(s)), s...)
}

func appendLength(b []byte, n int) []byte {
	for n >= 0x80 {
		b = append(b, byte(n)|0x80)
		n >>= 7
	}
	return append(b, byte(n))
}

func appendOptional(b []byte, s string) []byte {
	if s == "" {
		return append(b, 0)
	}
	return appendField(append(b, 1), s)
}

// appendNumber relies on numbers being far below 128 bytes: their length is one byte, filled in afterwards.
func appendNumber(b []byte, n int64) []byte {
	at := len(b)
	b = strconv.AppendInt(append(b, 0), n, 10)
	b[at] = byte(len(b) - at - 1)
	return b
}

func appendOptionalNumber(b []byte, n int64) []byte {
	if n == 0 {
		return append(b, 0)
	}
	return appendNumber(append(b, 1), n)
}

func appendAmount(b []byte, a amount.Amount) []byte {
	at := len(b)
	b = a.AppendText(append(b, 0))
	b[at] = byte(len(b) - at - 1)
	return b
}

func appendMoney(b []byte, m Money) []byte {
	if m.Amount.IsZero() {
		return append(b, 0, 0)
	}
	b = appendAmount(append(b, 1), m.Amount)
	return appendOptional(b, m.Currency)
}
