package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/api/strictjson"
	"github.com/scrip-dev/scrip/internal/credits"
)

// decodeSlowly reads a report in the general way.
func decodeSlowly(body []byte) ([]credits.ReportedEvent, error) {
	c := &call{server: &server{decoder: strictjson.NewDecoder(nullables)}, body: body}
	return c.decodeEvents()
}

// usualEvent is a typical LLM usage event of 283 bytes.
const usualEvent = `{"customerId":"customer-0042","eventName":"llm_request","idempotencyKey":"0192f4c1-7d3a-7bbd-9a55-4c1b6f0e9d27",` +
	`"timestamp":"2026-03-01T11:59:58.123Z","dimensions":{"model":"claude-sonnet","input_tokens":1834,"output_tokens":412,` +
	`"userId":"user-17","region":"eu-west-1","cached":false}}`

func usualReport(n int) []byte {
	return []byte(`{"events":[` + strings.TrimSuffix(strings.Repeat(usualEvent+",", n), ",") + `]}`)
}

// agree fails unless the scanner gives up or reads the same as the general decoder. It returns whether it gave up.
func agree(t *testing.T, body []byte) bool {
	t.Helper()
	scan, ok := scanEvents(body)
	if !ok {
		return true
	}
	defer scan.release()
	want, err := decodeSlowly(body)
	if err != nil {
		t.Fatalf("the scanner accepts what the decoder refuses: %v\n%s", err, body)
	}
	if diff := cmp.Diff(want, scan.events); diff != "" {
		t.Fatalf("the scanner reads something else (-decoder +scanner):\n%s\n%s", diff, body)
	}
	return false
}

// scanCases are members to put into an event, and whether the scanner must handle the event itself.
var scanCases = map[string]struct {
	event string
	fast  bool
}{
	"usual":               {usualEvent, true},
	"least":               {`{"customerId":"a","eventName":"e","idempotencyKey":"k"}`, true},
	"spaces":              {" {\n\t\"customerId\" : \"a\" , \"eventName\":\"e\",\r\"idempotencyKey\":\"k\" , \"dimensions\" : { } } ", true},
	"null resource":       {`{"customerId":"a","eventName":"e","idempotencyKey":"k","resourceId":null}`, true},
	"resource":            {`{"customerId":"a@b.c|d","eventName":"e","idempotencyKey":"k","resourceId":"r-1"}`, true},
	"unsorted dims":       {`{"customerId":"a","eventName":"e","idempotencyKey":"k","dimensions":{"b":1,"c":"x","a":true,"A":-0.50}}`, true},
	"utf-8":               {`{"customerId":"a","eventName":"é","idempotencyKey":"k","dimensions":{"日本":"語"}}`, true},
	"other day":           {`{"customerId":"a","eventName":"e","idempotencyKey":"k","timestamp":"2024-02-29T23:59:59.123456789Z"}`, true},
	"whole second":        {`{"customerId":"a","eventName":"e","idempotencyKey":"k","timestamp":"2024-12-31T00:00:00Z"}`, true},
	"30 February":         {`{"customerId":"a","eventName":"e","idempotencyKey":"k","timestamp":"2024-02-30T00:00:00Z"}`, false},
	"month 0":             {`{"customerId":"a","eventName":"e","idempotencyKey":"k","timestamp":"2024-00-10T00:00:00Z"}`, false},
	"leap second":         {`{"customerId":"a","eventName":"e","idempotencyKey":"k","timestamp":"2016-12-31T23:59:60Z"}`, false},
	"offset":              {`{"customerId":"a","eventName":"e","idempotencyKey":"k","timestamp":"2024-01-01T00:00:00+02:00"}`, false},
	"long ago":            {`{"customerId":"a","eventName":"e","idempotencyKey":"k","timestamp":"1970-01-01T00:00:00Z"}`, false},
	"escape":              {`{"customerId":"a","eventName":"e\n","idempotencyKey":"k"}`, false},
	"exponent":            {`{"customerId":"a","eventName":"e","idempotencyKey":"k","dimensions":{"a":1e3}}`, false},
	"leading zero":        {`{"customerId":"a","eventName":"e","idempotencyKey":"k","dimensions":{"a":01}}`, false},
	"bare point":          {`{"customerId":"a","eventName":"e","idempotencyKey":"k","dimensions":{"a":1.}}`, false},
	"minus only":          {`{"customerId":"a","eventName":"e","idempotencyKey":"k","dimensions":{"a":-}}`, false},
	"null value":          {`{"customerId":"a","eventName":"e","idempotencyKey":"k","dimensions":{"a":null}}`, false},
	"nested value":        {`{"customerId":"a","eventName":"e","idempotencyKey":"k","dimensions":{"a":{}}}`, false},
	"word goes on":        {`{"customerId":"a","eventName":"e","idempotencyKey":"k","dimensions":{"a":truex}}`, false},
	"dimension twice":     {`{"customerId":"a","eventName":"e","idempotencyKey":"k","dimensions":{"a":1,"b":2,"a":1}}`, false},
	"member twice":        {`{"customerId":"a","customerId":"a","eventName":"e","idempotencyKey":"k"}`, false},
	"unknown member":      {`{"customerId":"a","eventName":"e","idempotencyKey":"k","x":1}`, false},
	"other case":          {`{"customerid":"a","eventName":"e","idempotencyKey":"k"}`, false},
	"missing key":         {`{"customerId":"a","eventName":"e"}`, false},
	"empty key":           {`{"customerId":"a","eventName":"e","idempotencyKey":""}`, false},
	"empty dimension key": {`{"customerId":"a","eventName":"e","idempotencyKey":"k","dimensions":{"":1}}`, false},
	"bad customer":        {`{"customerId":"a b","eventName":"e","idempotencyKey":"k"}`, false},
	"bad utf-8":           {"{\"customerId\":\"a\",\"eventName\":\"e\xff\",\"idempotencyKey\":\"k\"}", false},
	"control character":   {"{\"customerId\":\"a\",\"eventName\":\"e\x01\",\"idempotencyKey\":\"k\"}", false},
	"trailing comma":      {`{"customerId":"a","eventName":"e","idempotencyKey":"k",}`, false},
	"cut short":           {`{"customerId":"a","eventName":"e","idempotencyKey":"k"`, false},
}

func TestEventScan(t *testing.T) {
	// The scanner reads usual reports itself, gives up on everything else, and never differs from the general decoder.
	t.Parallel()
	for name, c := range scanCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, body := range []string{
				`{"events":[` + c.event + `]}`, `{"events":[` + usualEvent + `,` + c.event + `]}`, ` {"events" : [` + c.event + `] } `,
			} {
				if gaveUp := agree(t, []byte(body)); gaveUp == c.fast {
					t.Errorf("gave up: %v, want %v: %s", gaveUp, !c.fast, body)
				}
			}
			if !agree(t, []byte(`{"events":[`+c.event+`]}x`)) || !agree(t, []byte(`{"events":[`+c.event+`],"more":1}`)) {
				t.Error("accepts what follows")
			}
		})
	}
}

func TestEventScanLimits(t *testing.T) {
	// A thousand events and sixty-four dimensions are read; one more of either is left to the decoder, which refuses it.
	t.Parallel()
	if agree(t, usualReport(eventsMax)) || !agree(t, usualReport(eventsMax+1)) || !agree(t, []byte(`{"events":[]}`)) {
		t.Error("the number of events is not bounded as it should be")
	}
	for n, want := range map[int]bool{dimsMax: false, dimsMax + 1: true} {
		var dims []string
		for i := range n {
			dims = append(dims, fmt.Sprintf(`"d%d":%d`, n-i, i))
		}
		body := []byte(`{"events":[{"customerId":"a","eventName":"e","idempotencyKey":"k","dimensions":{` + strings.Join(dims, ",") + `}}]}`)
		if agree(t, body) != want {
			t.Errorf("%d dimensions: gave up is %v", n, !want)
		}
	}
}

func FuzzEventScan(f *testing.F) {
	// Whatever the body is, the scanner gives up or agrees with the general decoder.
	for _, c := range scanCases {
		f.Add([]byte(`{"events":[` + c.event + `]}`))
	}
	f.Fuzz(func(t *testing.T, body []byte) { agree(t, body) })
}

func BenchmarkEventScan(b *testing.B) {
	const n = 1000
	body := usualReport(n)
	b.Run("scanner", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			scan, ok := scanEvents(body)
			if !ok {
				b.Fatal("gave up")
			}
			scan.release()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/event")
	})
	b.Run("decoder", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := decodeSlowly(body); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/event")
	})
}
