package registry_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"

	"credence/internal/registry"
)

func TestNetworks(t *testing.T) {
	tests := []struct {
		list, peer string
		want       bool
	}{
		{"192.0.2.0/24", "192.0.2.255", true},
		{"192.0.2.0/24", "192.0.3.0", false},
		{"192.0.2.0/24 198.51.100.7", "198.51.100.7", true},
		{"0.0.0.0/0", "203.0.113.1", true},
		{"0.0.0.0/0", "2001:db8::1", false},
		{"::/0", "2001:db8::1", true},
		{"::/0", "203.0.113.1", false},
		{"::ffff:192.0.2.0/120", "192.0.2.9", true},
		{"::ffff:0:0/96", "2001:db8::1", false},
	}
	for _, test := range tests {
		list := networks(test.list)
		if got := list.Contains(netip.MustParseAddr(test.peer)); got != test.want {
			t.Errorf("%s contains %s: got %v, want %v", test.list, test.peer, got, test.want)
		}
		if !list.Present() {
			t.Errorf("%s: want it present", test.list)
		}
	}
	var absent registry.Networks
	if absent.Present() || absent.String() != "" || absent.Contains(netip.MustParseAddr("192.0.2.1")) {
		t.Errorf("the zero Networks: got %q, present %v", absent, absent.Present())
	}
}

// A family makes random networks and addresses, of the same kinds of Internet
// each time that the same source is used.
type family struct {
	name string
	base netip.Prefix // all are in it
	bits []int        // lengths of networks
}

var (
	ipv4 = family{"IPv4", netip.MustParsePrefix("0.0.0.0/0"), []int{12, 16, 20, 24, 28, 32}}
	ipv6 = family{"IPv6", netip.MustParsePrefix("2000::/3"), []int{29, 32, 40, 48, 56, 64, 128}}
	// Of these many hold each other, or touch.
	crowded4 = family{"crowded IPv4", netip.MustParsePrefix("10.0.0.0/20"), []int{20, 21, 23, 24, 25, 28, 30, 31, 32}}
	crowded6 = family{"crowded IPv6", netip.MustParsePrefix("2001:db8::/108"), []int{108, 112, 117, 120, 124, 126, 127, 128}}
	mapped   = family{"IPv4-mapped", netip.MustParsePrefix("::ffff:10.0.0.0/116"), []int{116, 119, 120, 121, 124, 128}}
)

// address gives a random address of the family.
func (f family) address(r *rand.Rand) netip.Addr {
	raw := f.base.Addr().AsSlice()
	for i := range raw {
		free := min(max((i+1)*8-f.base.Bits(), 0), 8) // bits of this byte that the base leaves
		raw[i] |= byte(r.UintN(1 << free))
	}
	addr, _ := netip.AddrFromSlice(raw)
	return addr
}

// networks gives so many random networks of the family, as records hold them.
func (f family) networks(t testing.TB, r *rand.Rand, count int) []netip.Prefix {
	t.Helper()
	list := make([]netip.Prefix, count)
	for i := range list {
		prefix, err := f.address(r).Prefix(f.bits[r.IntN(len(f.bits))])
		if err == nil {
			prefix, err = registry.ParseNetwork(prefix.String())
		}
		if err != nil {
			t.Fatal(err)
		}
		list[i] = prefix
	}
	return list
}

// peers gives addresses, of which every other is in one of the networks.
func (f family) peers(r *rand.Rand, list []netip.Prefix, count int) []netip.Addr {
	peers := make([]netip.Addr, count)
	for i := range peers {
		if peers[i] = f.address(r); i%2 == 0 {
			peers[i] = list[r.IntN(len(list))].Addr()
		}
	}
	return peers
}

// source gives random numbers that are the same in every run.
func source(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 8)) } // #nosec G404 -- test data

// TestNetworksAreThoseOfTheList holds lists of all lengths, by whatever means
// they answer, to a walk through the list.
func TestNetworksAreThoseOfTheList(t *testing.T) {
	families := []family{ipv4, ipv6, crowded4, crowded6, mapped}
	inside := 0
	for seed := range uint64(400) {
		r := source(seed)
		var list []netip.Prefix
		for _, f := range families {
			if r.IntN(2) == 0 {
				list = append(list, f.networks(t, r, r.IntN(12))...)
			}
		}
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		made := registry.NetworksOf(list...)
		if got := made.Prefixes(); !slices.Equal(got, list) {
			t.Fatalf("prefixes: got %v, want them in their order: %v", got, list)
		}
		if len(list) > 0 {
			read, err := registry.ParseNetworks(made.String())
			if err != nil || !slices.Equal(read.Prefixes(), list) {
				t.Fatalf("ParseNetworks(%q): got %v, error %v", made, read, err)
			}
			made = read
		}
		for _, peer := range peersOf(families, r, list) {
			want := slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(peer) })
			if got := made.Contains(peer); got != want {
				t.Errorf("%d networks, %s, contain %v: got %v, want %v", len(list), made, peer, got, want)
			}
			if want {
				inside++
			}
		}
	}
	if inside < 1000 {
		t.Errorf("%d peers were in a network: the test looks at too few", inside)
	}
}

// peersOf gives random addresses, and for each network the first and the last
// in it, those beside it, the same with a zone and IPv4-mapped, and none.
func peersOf(families []family, r *rand.Rand, list []netip.Prefix) []netip.Addr {
	peers := []netip.Addr{{}, netip.IPv4Unspecified(), netip.IPv6Unspecified(), netip.IPv6LinkLocalAllNodes()}
	for _, f := range families {
		for range 20 {
			peers = append(peers, f.address(r))
		}
	}
	for _, prefix := range list {
		last := prefix.Addr().AsSlice()
		for bit := prefix.Bits(); bit < len(last)*8; bit++ {
			last[bit/8] |= 0x80 >> (bit % 8)
		}
		end, _ := netip.AddrFromSlice(last)
		peers = append(peers, prefix.Addr(), prefix.Addr().Prev(), end, end.Next(), netip.AddrFrom16(end.As16()), end.WithZone("eth0"))
	}
	return peers
}

// TestNetworksAreTheCallers holds a list to what it was when it was made.
func TestNetworksAreTheCallers(t *testing.T) {
	for _, count := range []int{1, 100} {
		list := ipv4.networks(t, source(1), count)
		made := registry.NetworksOf(list...)
		first := list[0]
		list[0] = netip.MustParsePrefix("192.0.2.0/24")
		made.Prefixes()[0] = list[0]
		if got := made.Prefixes()[0]; got != first || !made.Contains(first.Addr()) {
			t.Errorf("a list of %d was changed from outside: begins with %v, want %v", count, got, first)
		}
	}
}

func TestContainsAllocatesNothing(t *testing.T) {
	for _, f := range []family{ipv4, ipv6} {
		for _, count := range []int{1, 10, 10_000} {
			r := source(2)
			list := f.networks(t, r, count)
			made, peers := registry.NetworksOf(list...), f.peers(r, list, 64)
			if got := testing.AllocsPerRun(100, func() { ask(made, peers) }); got != 0 {
				t.Errorf("%d networks of %s: %v allocations, want none", count, f.name, got)
			}
		}
	}
}

// ask looks for all peers in a list.
func ask(list registry.Networks, peers []netip.Addr) {
	for _, peer := range peers {
		list.Contains(peer)
	}
}

// TestLongListCostsWhatAShortOneDoes holds 10,000 networks to about what ten take:
// a few nanoseconds more are a trie's, a walk would take a thousand times as long.
// Where the machine has other work, which takes turns of its own, it measures
// again: a list that is walked through is never that fast.
func TestLongListCostsWhatAShortOneDoes(t *testing.T) {
	const most, attempts = 6.0, 5
	for _, f := range []family{ipv4, ipv6} {
		r := source(3)
		ten, long := f.networks(t, r, 10), f.networks(t, r, 10_000)
		askTen, askLong := asking(registry.NetworksOf(ten...), f.peers(r, ten, 64)), asking(registry.NetworksOf(long...), f.peers(r, long, 64))
		ratio := 0.0
		for range attempts {
			if ratio = timesAsLong(askLong, askTen); ratio <= most {
				break
			}
		}
		t.Logf("%s: 10,000 networks take %.2f times what 10 take", f.name, ratio)
		if ratio > most {
			t.Errorf("%s: 10,000 networks take %.2f times what 10 take, want at most %v", f.name, ratio, most)
		}
	}
}

// asking asks a list often and tells how long that took.
func asking(list registry.Networks, peers []netip.Addr) func() time.Duration {
	return func() time.Duration {
		begun := time.Now()
		for range 200 {
			ask(list, peers)
		}
		return time.Since(begun)
	}
}

// timesAsLong gives the median of how many times as long one takes as the other
// that is measured right after it.
func timesAsLong(one, other func() time.Duration) float64 {
	runtime.GC() // not meanwhile
	ratios := make([]float64, 101)
	for i := range ratios {
		ratios[i] = float64(one()) / float64(other())
	}
	slices.Sort(ratios)
	return ratios[len(ratios)/2]
}

func BenchmarkContains(b *testing.B) {
	for _, f := range []family{ipv4, ipv6} {
		for _, count := range []int{1, 10, 16, 17, 100, 10_000} {
			b.Run(fmt.Sprintf("%s/%d", f.name, count), func(b *testing.B) {
				r := source(4)
				list := f.networks(b, r, count)
				made, peers := registry.NetworksOf(list...), f.peers(r, list, 1024)
				b.ReportAllocs()
				inside := 0
				for i := 0; b.Loop(); i++ {
					if made.Contains(peers[i%len(peers)]) {
						inside++
					}
				}
				if count == 1 && inside == 0 {
					b.Error("no address was in the list")
				}
			})
		}
	}
}

// BenchmarkParseNetworks tells what a list of a record costs: the time to read
// it, and the memory that it holds from then on.
func BenchmarkParseNetworks(b *testing.B) {
	for _, f := range []family{ipv4, ipv6} {
		for _, count := range []int{1, 10, 16, 17, 1000, 10_000} {
			b.Run(fmt.Sprintf("%s/%d", f.name, count), func(b *testing.B) {
				text := registry.NetworksOf(f.networks(b, source(5), count)...).String()
				for b.Loop() {
					if _, err := registry.ParseNetworks(text); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(held(b, text, max(1, 20_000/count)))/float64(count), "B/network")
			})
		}
	}
}

// held gives how many bytes a list holds, by the mean of so many.
func held(b *testing.B, text string, lists int) int {
	b.Helper()
	kept := make([]registry.Networks, lists)
	before := heap()
	for i := range kept {
		var err error
		if kept[i], err = registry.ParseNetworks(text); err != nil {
			b.Fatal(err)
		}
	}
	after := heap()
	runtime.KeepAlive(kept)
	return (after - before) / lists
}

// heap gives the bytes that are in use once what is not is gone.
func heap() int {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc) // #nosec G115 -- no machine has so much
}
