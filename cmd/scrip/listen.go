package main

import (
	"bytes"
	"context"
	crand "crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/webhook"
)

// How listening asks and forwards.
const (
	listenWait       = 10               // seconds for which the server holds an answer back
	listenRest       = 2 * time.Second  // after the server could not be asked
	listenCallMax    = 30 * time.Second // one call, waiting included
	listenSecretSize = 32
)

// listenCommand follows the messages of a server. The key is the variable SCRIP_API_KEY: a secret on a command line can be
// read by every user of the machine.
type listenCommand struct {
	clientTarget
	ForwardTo string `placeholder:"URL" help:"Post each message to this address, signed as an endpoint's messages are."`
	Dialect   string `enum:"SEED,SKILLS,REFERENCE" default:"SEED" help:"By which names messages are called: ${enum}."`
}

// Run follows messages from now on until p.ctx ends. What is not forwarded is not tried again; the server's deliveries to
// endpoints are not touched. It fails when the server refuses the key.
func (c *listenCommand) Run(p *program) error {
	client, err := c.client(p)
	if err != nil {
		return err
	}
	raw := make([]byte, listenSecretSize)
	if _, err := crand.Read(raw); err != nil {
		return err
	}
	client.secret = credits.NewSecret("whsec_" + base64.StdEncoding.EncodeToString(raw))
	query := url.Values{"dialect": {c.Dialect}, "start": {"END"}}
	page, err := client.messages(p.ctx, query)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "Listening to %s\n", client.base)
	if c.ForwardTo != "" {
		fmt.Fprintf(p.stdout, "Forwarding to %s, signed under %s\n", c.ForwardTo, client.secret.Reveal())
	}
	query.Set("waitSeconds", strconv.Itoa(listenWait))
	for p.ctx.Err() == nil {
		query.Set("after", page.Next)
		next, err := client.messages(p.ctx, query)
		switch {
		case p.ctx.Err() != nil:
			return nil
		case passing(err):
			fmt.Fprintf(p.stderr, "scrip: %s; asking again\n", oneLine(err))
			_ = waitFor(p.ctx, listenRest)
			continue
		case err != nil:
			return err
		}
		for _, m := range next.Data {
			c.show(p, client, m)
		}
		page = next
	}
	return nil
}

// passing tells whether the server may answer later.
func passing(err error) bool {
	var refused *replayError
	return err != nil && (!errors.As(err, &refused) || refused.passing())
}

// show prints a message, and what became of it when it is forwarded.
func (c *listenCommand) show(p *program, client *listenClient, message json.RawMessage) {
	var m struct {
		MessageID, Type string
		Timestamp       time.Time
	}
	if err := json.Unmarshal(message, &m); err != nil {
		fmt.Fprintf(p.stderr, "scrip: not a message: %s\n", oneLine(err))
		return
	}
	fmt.Fprintf(p.stdout, "%s %s %s\n", m.Timestamp.Format(time.RFC3339), m.Type, message)
	if c.ForwardTo == "" {
		return
	}
	status, err := client.forward(p.ctx, c.ForwardTo, m.MessageID, message, p.now())
	if err != nil {
		fmt.Fprintf(p.stdout, "  not forwarded: %s\n", oneLine(err))
		return
	}
	fmt.Fprintf(p.stdout, "  forwarded: %s\n", status)
}

// listenClient asks a server for messages, and forwards them.
type listenClient struct {
	*replayClient
	secret credits.Secret
}

// client speaks to the server; a call may take as long as the server holds its answer back.
func (c *listenCommand) client(p *program) (*listenClient, error) {
	client, err := c.clientTarget.client(p)
	if err != nil {
		return nil, err
	}
	client.http.Timeout = listenCallMax
	return &listenClient{replayClient: client}, nil
}

// messagePage is some messages and where to go on.
type messagePage struct {
	Data []json.RawMessage `json:"data"`
	Next string            `json:"next"`
}

func (c *listenClient) messages(ctx context.Context, query url.Values) (page messagePage, err error) {
	text, err := c.exchange(ctx, http.MethodGet, "/api/v1/webhook-messages?"+query.Encode(), nil)
	if err != nil {
		return page, err
	}
	return page, json.Unmarshal(text, &page)
}

// forward posts a message to a receiver. The address is the developer's own, on the developer's own machine.
func (c *listenClient) forward(ctx context.Context, address, id string, body []byte, at time.Time) (status string, err error) {
	header, err := webhook.Header(&credits.EndpointSecrets{Current: c.secret}, &credits.Outgoing{MessageID: id, Body: body}, at)
	if err != nil {
		return "", err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header = header
	response, err := c.http.Do(request)
	if err != nil {
		return "", err
	}
	return response.Status, response.Body.Close()
}

// triggerCommand makes a sample message.
type triggerCommand struct {
	Event string `arg:"" help:"The type of message, such as credits.balance.usage_low, by any of its names."`
	clientTarget
	Endpoint string `placeholder:"ID" help:"Deliver it to this webhook endpoint. Without it only scrip listen sees it."`
}

// Run makes the message and prints it. It fails when the server refuses.
func (c *triggerCommand) Run(p *program) error {
	client, err := c.client(p)
	if err != nil {
		return err
	}
	path := "/api/v1/webhook-messages/test"
	if c.Endpoint != "" {
		path = "/api/v1/webhook-endpoints/" + url.PathEscape(c.Endpoint) + "/test"
	}
	body, err := json.Marshal(map[string]string{"type": c.Event})
	if err != nil {
		return err
	}
	var made json.RawMessage
	if err := client.once(p.ctx, http.MethodPost, path, body, &made); err != nil {
		return err
	}
	fmt.Fprintln(p.stdout, string(made))
	return nil
}
