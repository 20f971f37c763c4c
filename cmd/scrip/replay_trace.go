package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"
	"strconv"
	"time"
)

// traceLayout is how the recordings write times: no zone, read as UTC, with any number of fraction digits.
const traceLayout = "2006-01-02 15:04:05"

// traceHeader is the first line of a recording.
var traceHeader = []string{"TIMESTAMP", "ContextTokens", "GeneratedTokens"}

// trace is a recording in memory.
type trace struct {
	rows   []traceRow
	digest string // the first 16 hexadecimal digits of the file's SHA-256
}

// traceRow is one recorded request.
type traceRow struct {
	number        int // 1 for the first line after the header
	at            time.Time
	input, output int64 // tokens
}

// readTrace reads a recording. An error names the line.
func readTrace(name string) (*trace, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	t := &trace{digest: traceDigest(text)}
	if t.rows, err = parseTrace(bytes.NewReader(text)); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return t, nil
}

func traceDigest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

func parseTrace(r io.Reader) ([]traceRow, error) {
	lines := csv.NewReader(r)
	lines.FieldsPerRecord = len(traceHeader)
	header, err := lines.Read()
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	if !slices.Equal(header, traceHeader) {
		return nil, fmt.Errorf("the header is %q; it must be %q", header, traceHeader)
	}
	var rows []traceRow
	for {
		fields, err := lines.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		row, err := parseTraceRow(fields)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", len(rows)+2, err)
		}
		row.number = len(rows) + 1
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return nil, errors.New("there are no rows")
	}
	return rows, nil
}

func parseTraceRow(fields []string) (traceRow, error) {
	var row traceRow
	var err error
	if row.at, err = time.Parse(traceLayout, fields[0]); err != nil {
		return row, err
	}
	if row.input, err = parseTokens(fields[1]); err != nil {
		return row, err
	}
	row.output, err = parseTokens(fields[2])
	return row, err
}

func parseTokens(text string) (int64, error) {
	n, err := strconv.ParseUint(text, 10, 31)
	return int64(n), err
}

// shift moves all rows by one distance so that the latest is at now, cuts them to the microseconds that the server keeps,
// and answers that instant.
func (t *trace) shift(now time.Time) time.Time {
	latest := slices.MaxFunc(t.rows, func(a, b traceRow) int { return a.at.Compare(b.at) }).at
	now = now.UTC().Truncate(time.Microsecond)
	for i := range t.rows {
		t.rows[i].at = now.Add(t.rows[i].at.Sub(latest)).Truncate(time.Microsecond)
	}
	return now
}

// events makes the events of rows. Everything but the time is a function of the file and the draw, so an event sent
// again is a duplicate with the same content.
func (t *trace) events(rows []traceRow, draw *zipf) []replayEvent {
	events := make([]replayEvent, len(rows))
	for i, row := range rows {
		events[i] = replayEvent{
			CustomerID:     replayCustomer(draw.customer(row.number)),
			EventName:      replayEventName,
			IdempotencyKey: t.digest + "-" + strconv.Itoa(row.number),
			Timestamp:      row.at.Format(time.RFC3339Nano),
			Dimensions: map[string]int64{
				"input_tokens": row.input, "output_tokens": row.output, "total_tokens": row.input + row.output,
			},
		}
	}
	return events
}

// zipfWeight is the weight of the first customer. It is large so that the last customers' weights are near their share.
const zipfWeight = 1_000_000_000

// zipf draws customers with weights 1, 1/2, 1/3 …, in whole numbers so that every machine draws the same.
type zipf struct {
	seed uint64
	sums []uint64 // running sums of the weights
}

func newZipf(seed uint64, customers int) *zipf {
	z := &zipf{seed: seed, sums: make([]uint64, customers)}
	var sum uint64
	for i := range z.sums {
		sum += zipfWeight / uint64(i+1)
		z.sums[i] = sum
	}
	return z
}

// customer answers the customer of a row, both counted from 1.
func (z *zipf) customer(row int) int {
	hash := sha256.Sum256(fmt.Appendf(nil, "%d:%d", z.seed, row))
	x := binary.BigEndian.Uint64(hash[:8]) % z.sums[len(z.sums)-1]
	return 1 + sort.Search(len(z.sums), func(i int) bool { return z.sums[i] > x })
}
