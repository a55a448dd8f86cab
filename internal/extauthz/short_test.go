package extauthz

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// sameAs holds what the codec makes of bytes to what protobuf makes of them,
// and tells whether it went the short way.
func sameAs(t testing.TB, data []byte) (short bool) {
	t.Helper()
	check := &authv3.CheckRequest{}
	wantErr := proto.Unmarshal(data, check)
	got, half := new(question), len(data)/2
	gotErr := newCodec().Unmarshal(mem.BufferSlice{mem.SliceBuffer(data[:half]), mem.SliceBuffer(data[half:])}, got)
	switch {
	case (wantErr == nil) != (gotErr == nil):
		t.Fatalf("%x: refused with %v, by protobuf with %v", data, gotErr, wantErr)
	case wantErr == nil:
		want := new(question)
		want.ofMessage(check)
		if diff := differ(want, got); diff != "" {
			t.Fatalf("%x: the standard way (-) and the short one (+) differ:\n%s", data, diff)
		}
	}
	short = new(question).short(string(data)) // a panic is a failure here
	if short && wantErr != nil {
		t.Fatalf("%x: the short way reads what protobuf refuses: %v", data, wantErr)
	}
	return short
}

// message joins fields to a message.
func message(fields ...[]byte) []byte { return bytes.Join(fields, nil) }

// within is a field that holds a message or a text.
func within(number protowire.Number, content ...[]byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), message(content...))
}

func text(number protowire.Number, content string) []byte { return within(number, []byte(content)) }

func numeral(number protowire.Number, value uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType), value)
}

// The way from a CheckRequest to its parts, as bytes.
func attributesOf(content ...[]byte) []byte { return within(1, content...) }

func httpOf(content ...[]byte) []byte {
	return attributesOf(within(4, within(2, content...)))
}

func linesOf(content ...[]byte) []byte { return httpOf(within(13, content...)) }

func addressOf(content ...[]byte) []byte { return attributesOf(within(1, within(1, content...))) }

// odd are messages as no Envoy sends them, and whether the short way reads them
// all the same.
func odd() map[string]struct {
	data  []byte
	short bool
} {
	const short = true
	bad := "\xff"
	overlong := func(number protowire.Number, content string) []byte { // the length in more bytes than it needs
		return message(protowire.AppendTag(nil, number, protowire.BytesType), []byte{byte(len(content)) | 0x80, 0x80, 0}, []byte(content))
	}
	group := func(number protowire.Number, content ...[]byte) []byte {
		return message(protowire.AppendTag(nil, number, protowire.StartGroupType), message(content...), protowire.AppendTag(nil, number, protowire.EndGroupType))
	}
	deep := []byte{}
	for range 5000 {
		deep = group(9, deep)
	}
	tooDeep := deep
	for range 5001 {
		tooDeep = group(9, tooDeep)
	}
	line := within(1, text(1, "X-A"), text(3, "1"))
	return map[string]struct {
		data  []byte
		short bool
	}{
		"nothing":                       {nil, short},
		"empty attributes":              {attributesOf(), short},
		"attributes twice are merged":   {message(attributesOf(within(10, text(1, "api"), text(2, "a"))), httpOf(text(2, "GET"))), false},
		"request twice is merged":       {attributesOf(within(4, within(2, text(2, "GET"))), within(4, within(2, text(4, "/")))), false},
		"http twice is merged":          {attributesOf(within(4, within(2, text(2, "GET")), within(2, text(4, "/")))), false},
		"source twice is merged":        {attributesOf(within(1, within(1, within(1, text(2, "127.0.0.1")))), within(1, text(2, "s"))), false},
		"header_map twice is joined":    {httpOf(within(13, line), within(13, line)), false},
		"the last method counts":        {httpOf(text(2, "GET"), text(2, "PUT")), false},
		"the last path counts":          {httpOf(text(4, "/a"), text(4, "/b"), text(7, "")), false},
		"the last name of a line":       {linesOf(within(1, text(1, "a"), text(1, "b"))), false},
		"the last address":              {addressOf(within(1, text(2, "127.0.0.1"), text(2, "127.0.0.2"))), false},
		"the last port":                 {addressOf(within(1, numeral(3, 1), numeral(3, 2))), false},
		"the last kind of address":      {addressOf(within(1, text(2, "127.0.0.1")), within(2, text(1, "/run/a"))), false},
		"a pipe, then an address":       {addressOf(within(2, text(1, "/run/a")), within(1, text(2, "127.0.0.1"))), false},
		"an address twice is merged":    {addressOf(within(1, text(2, "127.0.0.1")), within(1, numeral(3, 1))), false},
		"a named port":                  {addressOf(within(1, text(2, "127.0.0.1"), text(4, "http"))), false},
		"fields in another order":       {httpOf(within(13, within(1, text(3, "1"), text(1, "X-A"))), text(4, "/"), text(2, "GET")), short},
		"an unknown field":              {message(attributesOf(), text(15, "?")), false},
		"an unknown number above 15":    {message(attributesOf(), text(1000, "?")), false},
		"an unknown fixed64":            {httpOf(protowire.AppendFixed64(protowire.AppendTag(nil, 14, protowire.Fixed64Type), 1)), false},
		"an unknown fixed32, cut":       {httpOf(protowire.AppendTag(nil, 14, protowire.Fixed32Type)), false},
		"an unknown group":              {httpOf(group(14, text(1, bad))), false},
		"a group that does not end":     {httpOf(protowire.AppendTag(nil, 14, protowire.StartGroupType)), false},
		"a group that ends as another":  {httpOf(protowire.AppendTag(protowire.AppendTag(nil, 14, protowire.StartGroupType), 13, protowire.EndGroupType)), false},
		"a group that never began":      {httpOf(protowire.AppendTag(nil, 14, protowire.EndGroupType)), false},
		"groups in groups":              {deep, false},
		"groups too deep":               {tooDeep, false},
		"metadata too deep":             {nested(10001), false},
		"metadata deep":                 {nested(100), false},
		"a method that is a number":     {httpOf(numeral(2, 7), text(2, "GET")), false},
		"a size that is a text":         {httpOf(text(9, "7")), false},
		"a size below zero":             {httpOf(numeral(9, 1<<64-1)), short},
		"a number of 64 bits and more":  {httpOf(protowire.AppendTag(nil, 9, protowire.VarintType), []byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02")), false},
		"a number of eleven bytes":      {httpOf(protowire.AppendTag(nil, 9, protowire.VarintType), []byte("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00")), false},
		"a number that is cut":          {httpOf(protowire.AppendTag(nil, 9, protowire.VarintType), []byte("\xff")), false},
		"an overlong length":            {httpOf(overlong(2, "GET")), short},
		"an overlong tag":               {message([]byte{0x8a, 0}, []byte{0}), false},
		"field 0":                       {[]byte{0, 0}, false},
		"field 0, sized":                {httpOf([]byte{2, 0}), false},
		"a tag alone":                   {[]byte{0x0a}, false},
		"a length beyond the end":       {[]byte{0x0a, 9, 0x22}, false},
		"a length beyond its message":   {message(within(1, []byte{0x22, 9}), bytes.Repeat([]byte{0}, 9)), false},
		"a length of 2^63":              {[]byte("\x0a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), false},
		"no wire type":                  {[]byte{0x0f, 0}, false},
		"an extension twice":            {attributesOf(within(10, text(1, "api"), text(2, "a")), within(10, text(1, "api"), text(2, "b"))), false},
		"an extension without key":      {attributesOf(within(10, text(2, "a"))), short},
		"an extension without value":    {attributesOf(within(10, text(1, "api"))), short},
		"an extension of nothing":       {attributesOf(within(10)), short},
		"two of nothing":                {attributesOf(within(10), within(10)), false},
		"a key twice in an extension":   {attributesOf(within(10, text(1, "api"), text(1, "scopes"), text(2, "a"))), false},
		"a value twice in an extension": {attributesOf(within(10, text(1, "api"), text(2, "a"), text(2, "b"))), false},
		"more in an extension":          {attributesOf(within(10, text(1, "api"), text(2, "a"), text(3, "b"))), false},
		"a header twice":                {httpOf(within(3, text(1, "a"), text(2, "1")), within(3, text(1, "a"), text(2, "2"))), false},
		"a header in two cases":         {httpOf(within(3, text(1, "a"), text(2, "2")), within(3, text(1, "A"), text(2, "1"))), false},
		"headers and no value":          {httpOf(within(3, text(1, "b")), within(3, text(1, "a")), within(3)), short},
		"both forms":                    {httpOf(within(3, text(1, "a"), text(2, "1")), within(13, line)), false},
		"both forms, raw first":         {httpOf(within(13, line), within(3, text(1, "a"), text(2, "1"))), false},
		"both forms, raw empty":         {httpOf(within(3, text(1, "a"), text(2, "1")), within(13)), false},
		"a line of nothing":             {linesOf(within(1)), short},
		"a line with both values":       {linesOf(within(1, text(1, "a"), text(2, "value"), text(3, "raw"))), short},
		"a line with an empty raw one":  {linesOf(within(1, text(1, "a"), text(2, "value"), text(3, ""))), short},
		"many lines":                    {linesOf(bytes.Repeat(line, 100)), short},
		"raw bytes that are no UTF-8":   {linesOf(within(1, text(1, "a"), text(3, bad))), short},
		"a raw body that is no UTF-8":   {httpOf(text(12, bad)), short},
		"a certificate":                 {attributesOf(within(1, text(4, "spiffe://a"), text(5, "-----BEGIN"))), short},
		"labels of a peer":              {attributesOf(within(1, within(3, text(1, "a"), text(2, "b")))), false},
		"a TLS session":                 {attributesOf(within(12, text(1, "api.example.test"))), false},
		"metadata":                      {attributesOf(within(11, within(1, text(1, "a"), within(2)))), false},
		"a time of more":                {attributesOf(within(4, within(1, numeral(1, 1), numeral(2, 2), numeral(3, 3)))), false},
		"a time":                        {attributesOf(within(4, within(1, numeral(1, 1), numeral(2, 2)))), short},
		"a time that is a number":       {attributesOf(within(4, numeral(1, 1))), false},

		"no UTF-8: method":        {httpOf(text(2, bad)), false},
		"no UTF-8: id":            {httpOf(text(1, bad)), false},
		"no UTF-8: path":          {httpOf(text(4, bad)), false},
		"no UTF-8: host":          {httpOf(text(5, bad)), false},
		"no UTF-8: scheme":        {httpOf(text(6, bad)), false},
		"no UTF-8: query":         {httpOf(text(7, bad)), false},
		"no UTF-8: fragment":      {httpOf(text(8, bad)), false},
		"no UTF-8: protocol":      {httpOf(text(10, bad)), false},
		"no UTF-8: body":          {httpOf(text(11, bad)), false},
		"no UTF-8: a header":      {httpOf(within(3, text(1, bad))), false},
		"no UTF-8: its value":     {httpOf(within(3, text(2, bad))), false},
		"no UTF-8: a line's name": {linesOf(within(1, text(1, bad))), false},
		"no UTF-8: its value ":    {linesOf(within(1, text(2, bad), text(3, "raw"))), false},
		"no UTF-8: an extension":  {attributesOf(within(10, text(1, bad))), false},
		"no UTF-8: its value  ":   {attributesOf(within(10, text(2, bad))), false},
		"no UTF-8: an address":    {addressOf(within(1, text(2, bad))), false},
		"no UTF-8: a resolver":    {addressOf(within(1, text(5, bad))), false},
		"no UTF-8: destination":   {attributesOf(within(2, within(1, within(1, text(2, bad))))), false},
		"no UTF-8: a service":     {attributesOf(within(2, text(2, bad))), false},
		"no UTF-8: a principal":   {attributesOf(within(1, text(4, bad))), false},
		"no UTF-8: a certificate": {attributesOf(within(1, text(5, bad))), false},
		"no UTF-8: a label":       {attributesOf(within(1, within(3, text(1, bad)))), false},
		"no UTF-8: a pipe":        {addressOf(within(2, text(1, bad))), false},
		"no UTF-8: SNI":           {attributesOf(within(12, text(1, bad))), false},
		"no UTF-8: metadata":      {attributesOf(within(11, within(1, text(1, bad)))), false},
		"no UTF-8: in metadata":   {attributesOf(within(13, within(1, text(1, "a"), within(2, within(1, text(1, "b"), within(2, text(3, bad))))))), false},
		"no UTF-8: a replaced one": {
			httpOf(text(2, bad), text(2, "GET")), false,
		},
		"no UTF-8: half a character": {httpOf(text(2, "\xc3")), false},
		"no UTF-8: a surrogate":      {httpOf(text(2, "\xed\xa0\x80")), false},
	}
}

// nested is route metadata of so many structs in one another.
func nested(depth int) []byte {
	value := []byte{}
	for range depth {
		value = within(5, within(1, text(1, "a"), within(2, value))) // Value.struct_value
	}
	return attributesOf(within(13, within(1, text(1, "a"), within(2, within(1, text(1, "a"), within(2, value))))))
}

// TestShortWay holds the short way to what protobuf says, of what no Envoy
// sends; and it holds it to go on being short, which nothing else would notice.
func TestShortWay(t *testing.T) {
	for name, test := range odd() {
		t.Run(name, func(t *testing.T) {
			if short := sameAs(t, test.data); short != test.short {
				t.Errorf("%x: read the short way: %t, want %t", test.data, short, test.short)
			}
		})
	}
}

// TestShortWayIsTaken holds what Envoy sends to the short way, but for peers
// that have no IP address.
func TestShortWayIsTaken(t *testing.T) {
	all := recorded(t)
	all["full"] = fullCheck()
	for name, check := range all {
		data, err := proto.Marshal(check)
		if err != nil {
			t.Fatal(err)
		}
		if short := sameAs(t, data); short != (name != "socket-http1") {
			t.Errorf("%s is read the short way: %t", name, short)
		}
	}
}

// TestManyExtensions leaves more extensions than there is room for to protobuf,
// which finds one among many in no time.
func TestManyExtensions(t *testing.T) {
	check := fullCheck()
	check.Attributes.ContextExtensions = make(map[string]string)
	for i := range 20 {
		check.Attributes.ContextExtensions[strconv.Itoa(i)] = "x"
		data, err := proto.Marshal(check)
		if err != nil {
			t.Fatal(err)
		}
		if short := sameAs(t, data); short != (i < 8) {
			t.Errorf("%d extensions are read the short way: %t", i+1, short)
		}
	}
}

// fullCheck has each field that Envoy sends by default or where it is told to.
func fullCheck() *authv3.CheckRequest {
	check := raw(":path", "/", "x-api-key", foreignToken)
	peer := func(address string) *authv3.AttributeContext_Peer {
		return &authv3.AttributeContext_Peer{
			Service: "edge", Principal: "spiffe://a", Certificate: "-----BEGIN",
			Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
				Protocol: corev3.SocketAddress_UDP, Address: address, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: 443},
			}}},
		}
	}
	a := check.Attributes
	a.Source, a.Destination = peer("127.0.0.1"), peer("192.0.2.1")
	a.ContextExtensions = map[string]string{"api": "orders", "scopes": "orders:read"}
	a.MetadataContext, a.RouteMetadataContext = &corev3.Metadata{}, &corev3.Metadata{}
	a.Request.Time = &timestamppb.Timestamp{Seconds: 1767225600, Nanos: 7}
	http := a.Request.Http
	http.Id, http.Host, http.Fragment, http.Protocol, http.Body, http.Size = "17", "api.example.test", "f", "HTTP/2", "b", -1
	http.RawBody = []byte("\xff")
	return check
}

// TestShortWayByParts cuts and changes a whole check in each of its bytes.
func TestShortWayByParts(t *testing.T) {
	data, err := proto.Marshal(fullCheck())
	if err != nil {
		t.Fatal(err)
	}
	for at := range data {
		sameAs(t, data[:at])
		for _, change := range []byte{0x01, 0x02, 0x08, 0x80, 0xff} {
			changed := slices.Clone(data)
			changed[at] ^= change
			sameAs(t, changed)
		}
	}
}

// FuzzDecode holds any message to what protobuf makes of it: the same question,
// or both refuse.
func FuzzDecode(f *testing.F) {
	for _, check := range append(seeds(f), fullCheck(), withMetadata()) {
		data, err := proto.Marshal(check)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(message(data, data)) // protobuf merges messages that are joined
	}
	for _, test := range odd() {
		f.Add(test.data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { sameAs(t, data) })
}

func withMetadata() *authv3.CheckRequest {
	check := fullCheck()
	check.Attributes.MetadataContext = &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{
		"envoy.filters.http.jwt_authn": {Fields: map[string]*structpb.Value{"sub": structpb.NewStringValue(strings.Repeat("a", 9))}},
	}}
	return check
}
