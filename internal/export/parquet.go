package export

import (
	"bytes"
	"io"
	"math/big"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// Decimals in Parquet are DECIMAL(24, 9): exactly the digits that an amount can have (I17), in as many bytes as they need.
const (
	decimalScale     = amount.FractionDigits
	decimalPrecision = amount.MaxIntegerDigits + amount.FractionDigits
	decimalBytes     = 11
)

// parquetRowsAtOnce is how many rows are handed over together, and parquetGroupRows how many make a row group: readers hold
// one in memory.
const (
	parquetRowsAtOnce = 256
	parquetGroupRows  = 100_000
)

// parquetWriter writes rows to a Parquet file, whose columns are in the order of their names.
type parquetWriter struct {
	out     *parquet.GenericWriter[any]
	columns []column
	place   []int // of each column in the file
	rows    []parquet.Row
	grouped int
}

func newParquet(w io.Writer, columns []column) *parquetWriter {
	group := parquet.Group{}
	for _, c := range columns {
		group[c.name] = parquet.Optional(c.kind.node())
	}
	sorted := slices.SortedFunc(slices.Values(columns), func(a, b column) int { return strings.Compare(a.name, b.name) })
	p := &parquetWriter{columns: columns}
	for _, c := range columns {
		p.place = append(p.place, slices.Index(sorted, c))
	}
	schema := parquet.NewSchema("row", group)
	p.out = parquet.NewGenericWriter[any](w, schema, parquet.Compression(&parquet.Zstd), parquet.CreatedBy("scrip", "1", "0"))
	return p
}

// node is the type of a column.
func (k kind) node() parquet.Node {
	switch k {
	case integer:
		return parquet.Int(64)
	case decimal:
		return parquet.Decimal(decimalScale, decimalPrecision, parquet.FixedLenByteArrayType(decimalBytes))
	case instant:
		return parquet.Timestamp(parquet.Microsecond)
	}
	return parquet.String()
}

func (p *parquetWriter) write(r row) error {
	values := make(parquet.Row, len(r))
	for i, v := range r {
		at := p.place[i]
		if v == nil {
			values[at] = parquet.NullValue().Level(0, 0, at)
			continue
		}
		values[at] = parquetValue(v).Level(0, 1, at)
	}
	p.rows = append(p.rows, values)
	if len(p.rows) < parquetRowsAtOnce {
		return nil
	}
	return p.flush()
}

func (p *parquetWriter) flush() error {
	n, err := p.out.WriteRows(p.rows)
	p.rows = p.rows[:0]
	if p.grouped += n; err == nil && p.grouped >= parquetGroupRows {
		p.grouped = 0
		err = p.out.Flush()
	}
	return err
}

func (p *parquetWriter) close() error {
	if err := p.flush(); err != nil {
		return err
	}
	return p.out.Close()
}

func parquetValue(v any) parquet.Value {
	switch v := v.(type) {
	case int64:
		return parquet.Int64Value(v)
	case ledger.Time:
		return parquet.Int64Value(int64(v))
	case amount.Amount:
		return parquet.FixedLenByteArrayValue(decimalOf(v))
	case string:
		return parquet.ByteArrayValue([]byte(v))
	}
	return parquet.NullValue()
}

// decimalOf is the count of billionths in two's complement, most significant byte first.
func decimalOf(a amount.Amount) []byte {
	units := a.Rat()
	n := new(big.Int).Mul(units.Num(), new(big.Int).Div(big.NewInt(billion), units.Denom()))
	if n.Sign() < 0 {
		n.Add(n, new(big.Int).Lsh(big.NewInt(1), 8*decimalBytes))
	}
	return n.FillBytes(make([]byte, decimalBytes))
}

// billion is how many of the smallest units make 1. The denominator of an amount divides it.
const billion = 1_000_000_000

func countParquet(data []byte) (int64, error) {
	f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return 0, err
	}
	return f.NumRows(), nil
}
