package export

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"

	"github.com/scrip-dev/scrip/internal/sheet"
)

// Format is how rows are written.
type Format string

// The formats. CSV writes texts that begin like formulas with an apostrophe; the others write them as they are.
const (
	CSV     Format = "csv"
	NDJSON  Format = "ndjson"
	Parquet Format = "parquet"
)

// Formats lists all formats.
func Formats() []Format { return []Format{CSV, NDJSON, Parquet} }

// rowWriter writes the rows of one file.
type rowWriter interface {
	write(row) error
	close() error // completes the file; the output stays open
}

// writer begins a file of a table.
func (f Format) writer(w io.Writer, columns []column) (rowWriter, error) {
	switch f {
	case CSV:
		return newCSV(w, columns)
	case NDJSON:
		return &ndjsonWriter{out: bufio.NewWriter(w), columns: columns}, nil
	case Parquet:
		return newParquet(w, columns), nil
	}
	return nil, fmt.Errorf("unknown format %q", f)
}

type csvWriter struct {
	out   *csv.Writer
	cells []string
}

func newCSV(w io.Writer, columns []column) (*csvWriter, error) {
	c := &csvWriter{out: csv.NewWriter(w)}
	for _, column := range columns {
		c.cells = append(c.cells, column.name)
	}
	return c, c.out.Write(c.cells)
}

func (c *csvWriter) write(r row) error {
	for i, v := range r {
		cell, foreign := written(v)
		if foreign {
			cell = sheet.Text(cell)
		}
		c.cells[i] = cell
	}
	return c.out.Write(c.cells)
}

func (c *csvWriter) close() error {
	c.out.Flush()
	return c.out.Error()
}

// ndjsonWriter writes one JSON object per line, in the order of columns. Decimals are strings: most readers make floats of
// numbers.
type ndjsonWriter struct {
	out     *bufio.Writer
	columns []column
	line    []byte
}

func (n *ndjsonWriter) write(r row) error {
	b := append(n.line[:0], '{')
	for i, v := range r {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), n.columns[i].name...), '"', ':')
		b = appendJSON(b, n.columns[i].kind, v)
	}
	n.line = append(b, '}', '\n')
	_, err := n.out.Write(n.line)
	return err
}

func appendJSON(b []byte, k kind, v any) []byte {
	cell, _ := written(v)
	switch {
	case v == nil:
		return append(b, "null"...)
	case k == integer || k == object:
		return append(b, cell...)
	}
	quoted, _ := json.Marshal(cell) // a string; it cannot fail
	return append(b, quoted...)
}

func (n *ndjsonWriter) close() error { return n.out.Flush() }

// count tells how many rows a complete file has.
func (f Format) count(data []byte) (int64, error) {
	switch f {
	case NDJSON:
		return int64(bytes.Count(data, []byte("\n"))), nil
	case Parquet:
		return countParquet(data)
	}
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	return int64(len(rows)) - 1, err
}
