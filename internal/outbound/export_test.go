package outbound

import (
	"context"
	"net"
	"net/netip"
)

// Dial is the way to a socket behind the judgement of names.
func (c *Client) Dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	return c.dial(ctx, to)
}
