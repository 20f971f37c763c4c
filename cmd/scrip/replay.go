package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"
)

// Limits of a replay. The batch limit is that of the API; more customers than requests would only slow the setup down.
const (
	replayBatchMax     = 1000
	replayCustomersMax = 10_000
)

// replayCommand sends recorded requests to a running server. It is a client like any other: it knows the REST API only.
type replayCommand struct {
	File      string `arg:"" name:"file.csv" help:"The recorded requests: a header line, then TIMESTAMP,ContextTokens,GeneratedTokens."`
	URL       string `default:"http://127.0.0.1:8080" help:"The server."`
	APIKey    string `placeholder:"KEY" help:"A server key. Better given as SCRIP_API_KEY: a command line can be read by every user of the machine."`
	Customers int    `default:"200" help:"How many customers the requests are spread over."`
	Seed      uint64 `default:"1" help:"Seed of the draw of customers."`
	Batch     int    `default:"500" help:"Events per call, at most 1000."`
}

// Help states the rules of the replay, so that its figures can be computed again by anyone.
func (c *replayCommand) Help() string {
	return strings.TrimSpace(fmt.Sprintf(`
The replay sets up, unless it is there: the credit type %s, the features %s and %s, the plan %s, and for each customer
replay-1 … replay-N a subscription and one promotional grant of %s credits. Then it sends one event %q for each row.

Price: %s credits for the tokens of a request, rounded half away from zero to 9 digits, and %s for the request.

Customer: row i (from 1) belongs to the first customer k whose running sum of weights is greater than x. The weight of
customer k is %d/k without its fraction; x is the number in the first 8 bytes of SHA-256("SEED:i"), big endian, modulo the
sum of all weights. This is a Zipf draw with exponent 1.

Time: all times move by one distance, so that the last row is now.

Keys: the first 16 digits of the file's SHA-256, a dash and the row. Sending the same file again changes nothing.`,
		replayCreditType, replayTokens, replayRequests, replayPlan, replayGrantAmount, replayEventName,
		replayFormula, replayRequestRate, zipfWeight))
}

// Run replays the file; running it again changes nothing. It fails when the server refuses the setup or a batch, or when
// an event was not priced.
func (c *replayCommand) Run(p *program) error {
	if err := c.check(); err != nil {
		return err
	}
	t, err := readTrace(c.File)
	if err != nil {
		return err
	}
	last := t.shift(p.now())
	client := newReplayClient(c.URL, c.APIKey)
	fmt.Fprintf(p.stdout, "Setting up %d customers on %s\n", c.Customers, client.base)
	setup := replaySetup{client: client, since: p.now().Add(-replayLead)}
	if err := setup.run(p.ctx, c.Customers); err != nil {
		return fmt.Errorf("setup: %w", err)
	}
	sums, err := c.send(p.ctx, p.stdout, client, t)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "Replayed %s, digest %s, last event at %s\n", filepath.Base(c.File), t.digest, last.Format(time.RFC3339Nano))
	sums.print(p.stdout, c.Customers)
	return sums.check()
}

// check refuses what could not work before anything is sent.
func (c *replayCommand) check() error {
	switch {
	case c.APIKey == "":
		return errors.New("no API key: set SCRIP_API_KEY or give --api-key")
	case c.Customers < 1 || c.Customers > replayCustomersMax:
		return fmt.Errorf("--customers is %d; it must be 1 to %d", c.Customers, replayCustomersMax)
	case c.Batch < 1 || c.Batch > replayBatchMax:
		return fmt.Errorf("--batch is %d; it must be 1 to %d", c.Batch, replayBatchMax)
	}
	return nil
}

// send reports the rows in their order, a batch at a time.
func (c *replayCommand) send(ctx context.Context, progress io.Writer, client *replayClient, t *trace) (replaySums, error) {
	var sums replaySums
	draw := newZipf(c.Seed, c.Customers)
	for first := 0; first < len(t.rows); first += c.Batch {
		rows := t.rows[first:min(first+c.Batch, len(t.rows))]
		results, err := client.report(ctx, t.events(rows, draw))
		if err != nil {
			return sums, fmt.Errorf("rows %d to %d: %w", rows[0].number, rows[len(rows)-1].number, err)
		}
		sums.add(results)
		fmt.Fprintf(progress, "Sent %d of %d events\n", sums.sent, len(t.rows))
	}
	return sums, nil
}
