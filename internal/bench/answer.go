package main

import (
	"errors"
	"fmt"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// raw is a codec of bytes that are encoded already. What it spares the load
// generator, the servers have: all share the cores of one machine.
type raw struct{}

// Name implements encoding.CodecV2.
func (raw) Name() string { return "proto" }

// Marshal implements encoding.CodecV2 for []byte.
func (raw) Marshal(message any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(message.([]byte))}, nil
}

// Unmarshal implements encoding.CodecV2 for *[]byte, whose space it uses again.
func (raw) Unmarshal(data mem.BufferSlice, message any) error {
	into := message.(*[]byte)
	*into = (*into)[:0]
	for _, buffer := range data {
		*into = append(*into, buffer.ReadOnlyData()...)
	}
	return nil
}

// Fields of a CheckResponse. All that it has are messages.
const (
	statusField protowire.Number = 1
	deniedField protowire.Number = 2
	okField     protowire.Number = 3
	errorField  protowire.Number = 5
)

// allows tells whether an encoded CheckResponse lets the request pass: it has a
// status that is there and empty, which is code 0, and an ok_response alone.
func allows(answer []byte) bool {
	var status, ok bool
	for len(answer) > 0 {
		number, kind, n := protowire.ConsumeTag(answer)
		if n < 0 || kind != protowire.BytesType {
			return false
		}
		field, m := protowire.ConsumeBytes(answer[n:])
		if m < 0 {
			return false
		}
		switch number {
		case statusField:
			if len(field) > 0 {
				return false
			}
			status = true
		case okField:
			ok = true
		case deniedField, errorField:
			return false
		}
		answer = answer[n+m:]
	}
	return status && ok
}

// refusal reads why an answer does not let a request pass.
func refusal(answer []byte) (code int32, reason string, err error) {
	var response authv3.CheckResponse
	if err := proto.Unmarshal(answer, &response); err != nil {
		return 0, "", fmt.Errorf("answer: %w", err)
	}
	return response.GetStatus().GetCode(), response.GetDynamicMetadata().GetFields()["reason"].GetStringValue(), nil
}

// identifies tells of an answer whether it forwards the client's identity: the
// whole of a check was done.
func identifies(answer []byte) error {
	var response authv3.CheckResponse
	if err := proto.Unmarshal(answer, &response); err != nil {
		return err
	}
	for _, option := range response.GetOkResponse().GetHeaders() {
		if header := option.GetHeader(); header.GetKey() == "x-client-id" && header.GetValue() == string(clientID(0)) {
			return nil
		}
	}
	return errors.New("allows the check, and forwards no identity")
}
