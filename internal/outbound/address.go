package outbound

import (
	"fmt"
	"net/netip"
)

// Policy says which addresses may be called. The zero Policy is the strict one.
type Policy struct {
	// AllowPrivate is for development only: http, every port, and addresses of this machine and of private networks are
	// allowed too.
	AllowPrivate bool
}

// RefusedError says that an address must not be called.
type RefusedError struct{ Reason string }

// Error returns the reason, which names no address.
func (e *RefusedError) Error() string { return "the address is not allowed: " + e.Reason }

func refusedf(format string, args ...any) error {
	return &RefusedError{fmt.Sprintf(format, args...)}
}

// block is a range of addresses that no receiver can have.
type block struct {
	prefix  netip.Prefix
	what    string
	private bool // allowed in development
}

// blocks4 are the special ranges of IPv4 (the IANA registry of special purposes), and one address that a cloud gives to
// its own control plane.
var blocks4 = []block{
	{netip.MustParsePrefix("0.0.0.0/8"), "unspecified", false},
	{netip.MustParsePrefix("10.0.0.0/8"), "private", true},
	{netip.MustParsePrefix("100.64.0.0/10"), "carrier NAT", false},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback", true},
	{netip.MustParsePrefix("168.63.129.16/32"), "cloud control plane", false},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local", false},
	{netip.MustParsePrefix("172.16.0.0/12"), "private", true},
	{netip.MustParsePrefix("192.0.0.0/24"), "reserved", false},
	{netip.MustParsePrefix("192.0.2.0/24"), "documentation", false},
	{netip.MustParsePrefix("192.31.196.0/24"), "reserved", false},
	{netip.MustParsePrefix("192.52.193.0/24"), "reserved", false},
	{netip.MustParsePrefix("192.88.99.0/24"), "6to4 relay", false},
	{netip.MustParsePrefix("192.168.0.0/16"), "private", true},
	{netip.MustParsePrefix("192.175.48.0/24"), "reserved", false},
	{netip.MustParsePrefix("198.18.0.0/15"), "benchmarking", false},
	{netip.MustParsePrefix("198.51.100.0/24"), "documentation", false},
	{netip.MustParsePrefix("203.0.113.0/24"), "documentation", false},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast", false},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved", false},
}

// globalUnicast is what is left of IPv6 for ordinary machines. Everything outside is refused: loopback, unspecified,
// link-local, multicast, unique local, and the forms that embed IPv4 (compatible, mapped, NAT64 under 64:ff9b::/96 and
// 64:ff9b:1::/48).
var globalUnicast = netip.MustParsePrefix("2000::/3")

// blocks6 are the special ranges of IPv6: the ones outside of globalUnicast that have a name of their own here, and the
// ones inside.
var blocks6 = []block{
	{netip.MustParsePrefix("::/128"), "unspecified", false},
	{netip.MustParsePrefix("::1/128"), "loopback", true},
	{netip.MustParsePrefix("::/96"), "IPv4-compatible", false},
	{netip.MustParsePrefix("64:ff9b::/96"), "NAT64", false},
	{netip.MustParsePrefix("64:ff9b:1::/48"), "NAT64", false},
	{netip.MustParsePrefix("fc00::/7"), "unique local", true},
	{netip.MustParsePrefix("fe80::/10"), "link-local", false},
	{netip.MustParsePrefix("ff00::/8"), "multicast", false},
	{netip.MustParsePrefix("2001::/32"), "Teredo", false},
	{netip.MustParsePrefix("2001::/23"), "reserved", false},
	{netip.MustParsePrefix("2001:db8::/32"), "documentation", false},
	{netip.MustParsePrefix("2002::/16"), "6to4", false},
	{netip.MustParsePrefix("2620:4f:8000::/48"), "reserved", false},
	{netip.MustParsePrefix("3fff::/20"), "documentation", false},
}

// CheckAddress fails with a RefusedError for an address that must not be connected to. An IPv4-mapped address is judged as
// the IPv4 address that it means, which is what the system connects to.
func (p Policy) CheckAddress(a netip.Addr) error {
	if a.Zone() != "" {
		return refusedf("it has a zone")
	}
	a = a.Unmap()
	blocks := blocks4
	if a.Is6() {
		blocks = blocks6
	}
	for _, b := range blocks {
		if b.prefix.Contains(a) {
			if p.AllowPrivate && b.private {
				return nil
			}
			return refusedf("it is %s", b.what)
		}
	}
	if !a.IsValid() || a.Is6() && !globalUnicast.Contains(a) {
		return refusedf("it is reserved")
	}
	return nil
}
