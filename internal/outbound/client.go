package outbound

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Limits of one call (reliability 5, semantics 16.4).
const (
	// TotalMax is how long a call may take, from resolving the name to the last byte that is read.
	TotalMax = 30 * time.Second
	// ReadMax is how many bytes of an answer are read.
	ReadMax = 64 << 10
	// ExcerptMax is how many bytes of an answer are kept.
	ExcerptMax = 2 << 10

	headerBytesMax  = 16 << 10
	connectMax      = 10 * time.Second
	idleMax         = 60 * time.Second
	idleConnsMax    = 256
	idlePerHostMax  = 8
	addressesMax    = 16 // of one name that are looked at
	reasonLengthMax = 200
)

// Resolver finds the addresses of a name. net.Resolver is one.
type Resolver interface {
	// LookupNetIP looks a name up in the network "ip".
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Options is what a Client is made of. Its zero value is the strict client of a server.
type Options struct {
	Policy Policy
	// Resolver finds addresses; nil means the system's.
	Resolver Resolver
	// Own lists the addresses of this machine, which are refused too; nil asks the system.
	Own func() ([]netip.Addr, error)
	// Connect opens a connection to an address that was judged; nil means TCP, which judges it once more.
	Connect func(ctx context.Context, to netip.AddrPort) (net.Conn, error)
	// Roots are the authorities that receivers' certificates are checked against; nil means the system's.
	Roots *x509.CertPool
}

// Client calls addresses that users have chosen. It is safe for concurrent use.
type Client struct {
	policy   Policy
	resolver Resolver
	own      func() ([]netip.Addr, error)
	connect  func(context.Context, netip.AddrPort) (net.Conn, error)
	http     http.Client
}

// NewClient returns a client; Close ends its idle connections.
func NewClient(o Options) *Client {
	c := &Client{policy: o.Policy, resolver: o.Resolver, own: o.Own, connect: o.Connect}
	if c.resolver == nil {
		c.resolver = net.DefaultResolver
	}
	if c.own == nil {
		c.own = machineAddresses
	}
	if c.connect == nil {
		c.connect = c.dial
	}
	c.http = http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  nil, // a proxy would connect where we cannot look
			DialContext:            c.open,
			TLSClientConfig:        &tls.Config{RootCAs: o.Roots, MinVersion: tls.VersionTLS12},
			TLSNextProto:           map[string]func(string, *tls.Conn) http.RoundTripper{}, // HTTP/1.1: one call, one connection
			TLSHandshakeTimeout:    connectMax,
			DisableCompression:     true, // what is read is what was sent, so nothing unfolds
			MaxResponseHeaderBytes: headerBytesMax,
			MaxIdleConns:           idleConnsMax,
			MaxIdleConnsPerHost:    idlePerHostMax,
			IdleConnTimeout:        idleMax,
		},
	}
	return c
}

// Close ends idle connections. Calls under way go on.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Answer is what a receiver said.
type Answer struct {
	Status     int
	RetryAfter string // the header of that name
	Excerpt    string // the first bytes of the body, valid UTF-8 without control characters
}

// Post sends a body. Any status is an answer; an error means that there was none, and is a RefusedError when the policy
// forbids the address. The error's text is for the owner of the address: see Explain.
func (c *Client) Post(ctx context.Context, address string, header http.Header, body []byte) (Answer, error) {
	if err := c.policy.CheckURL(address); err != nil {
		return Answer{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, TotalMax)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	r.Header = header
	// A receiver that has closed an idle connection must not look like one that failed; repeating is harmless, because
	// receivers drop repeats.
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	answer, err := c.http.Do(r)
	if err != nil {
		return Answer{}, err
	}
	defer answer.Body.Close()
	return Answer{Status: answer.StatusCode, RetryAfter: answer.Header.Get("Retry-After"), Excerpt: excerpt(answer.Body)}, nil
}

// excerpt reads the body within its limits. The status has been heard already, so a body that breaks off is no failure.
func excerpt(body io.Reader) string {
	first, err := io.ReadAll(io.LimitReader(body, ExcerptMax))
	if err == nil {
		_, _ = io.CopyN(io.Discard, body, ReadMax-ExcerptMax) // lets the connection be used again
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(first), ""))
}

// open is the transport's way to a host: it resolves, judges every address, and connects to what was judged.
func (c *Client) open(ctx context.Context, _, hostPort string) (net.Conn, error) {
	host, portText, err := net.SplitHostPort(hostPort)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, err
	}
	addresses, err := c.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	var failed error
	for _, a := range addresses {
		conn, err := c.connect(ctx, netip.AddrPortFrom(a, uint16(port)))
		if err == nil {
			return conn, nil
		}
		failed = err
	}
	return nil, failed
}

// resolve finds the addresses of a host, of which all must be allowed.
func (c *Client) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	found := []netip.Addr{}
	if literal, err := netip.ParseAddr(host); err == nil {
		found = append(found, literal)
	} else if found, err = c.resolver.LookupNetIP(ctx, "ip", host); err != nil {
		return nil, err
	}
	if len(found) == 0 || len(found) > addressesMax {
		return nil, refusedf("its name has %d addresses", len(found))
	}
	for i, a := range found {
		if err := c.check(a); err != nil {
			return nil, err
		}
		found[i] = a.Unmap()
	}
	return found, nil
}

// check judges an address, our own among the forbidden ones. When the system does not tell them, nothing is allowed.
func (c *Client) check(a netip.Addr) error {
	if err := c.policy.CheckAddress(a); err != nil || c.policy.AllowPrivate {
		return err
	}
	own, err := c.own()
	if err != nil {
		return fmt.Errorf("list own addresses: %w", err)
	}
	for _, mine := range own {
		if mine.Unmap().WithZone("") == a.Unmap() {
			return refusedf("it is this machine")
		}
	}
	return nil
}

// dial connects by TCP. Control sees the address that the socket is about to use.
func (c *Client) dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	d := net.Dialer{Timeout: connectMax, Control: func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return refusedf("it is no address")
		}
		return c.check(at.Addr())
	}}
	return d.DialContext(ctx, "tcp", to.String())
}

// machineAddresses lists the addresses of this machine's interfaces.
func machineAddresses() ([]netip.Addr, error) {
	listed, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var own []netip.Addr
	for _, l := range listed {
		if p, err := netip.ParsePrefix(l.String()); err == nil {
			own = append(own, p.Addr())
		}
	}
	return own, nil
}

// Explain says in a few words why a call failed, for whoever owns the address. It names no address and no URL.
func Explain(err error) string {
	var refused *RefusedError
	var wrapped *url.Error
	var timeout net.Error
	var unknown *net.DNSError
	var system syscall.Errno
	switch {
	case errors.As(err, &refused):
		return refused.Error()
	case errors.As(err, &unknown):
		return "the name could not be resolved"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe):
		return "the connection was closed before the answer"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Sprintf("there was no answer within %s", TotalMax)
	case isCertificate(err):
		return "the certificate is not valid for this name"
	case errors.As(err, &system):
		return "the connection failed: " + system.Error()
	case errors.As(err, &wrapped):
		err = wrapped.Err
	}
	text := strings.ToValidUTF8(err.Error(), "")
	return text[:min(len(text), reasonLengthMax)]
}

func isCertificate(err error) bool {
	var verification *tls.CertificateVerificationError
	return errors.As(err, &verification)
}
