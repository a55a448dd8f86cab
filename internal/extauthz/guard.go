package extauthz

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"

	"credence/internal/authz"
)

// intercept is the last that sees a response. What Envoy would read as "allow"
// without being one, and what is no response at all, becomes a denial:
// internal_error. It is an interceptor, and reads the bytes that leave, so that
// it holds whatever becomes of the code before it.
func (s *Server) intercept(ctx context.Context, asked any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (answered any, err error) {
	q, isCheck := asked.(*question)
	if !isCheck {
		return next(ctx, asked) // health
	}
	defer func() {
		if fault := recover(); fault != nil {
			answered, err = s.fail(q, fmt.Errorf("extauthz: panic: %v\n%s", fault, debug.Stack())), nil
		}
	}()
	answered, err = next(ctx, asked)
	if err != nil {
		return s.fail(q, fmt.Errorf("extauthz: check: %w", err)), nil
	}
	if err := withheld(answered); err != nil {
		return s.fail(q, fmt.Errorf("extauthz: response withheld: %w", err)), nil
	}
	return answered, nil
}

// withheld says what is wrong with a response. Envoy allows by the status
// alone, and takes a missing one for OK.
func withheld(answered any) error {
	r, isResponse := answered.(*response)
	if !isResponse || r == nil {
		return errors.New("it is none")
	}
	var fields [6][]byte
	if !contents(*r.text, fields[:]) {
		return errors.New("it cannot be read, or has a field twice")
	}
	status, denied, ok, errorResponse := fields[1], fields[2], fields[3], fields[5]
	var denial [2][]byte
	switch {
	case status == nil:
		return errors.New("it has no status")
	case numberOf(status) == 0 && (len(ok) == 0 || denied != nil || errorResponse != nil):
		return errors.New("its status is OK, and nothing says what to do with identity headers")
	case numberOf(status) != 0 && (!contents(denied, denial[:]) || numberOf(denial[1]) < 400 || ok != nil || errorResponse != nil):
		return errors.New("its status is not OK, and it is no denial")
	}
	return nil
}

// contents gives the contents of a message's fields by their numbers, as far as
// there is room, and nil where one is not there. It tells whether all could be
// read, and no such field is there twice: a decoder would make one of both.
func contents(message []byte, fields [][]byte) bool {
	for len(message) > 0 {
		number, kind, tag := protowire.ConsumeTag(message)
		if tag < 0 {
			return false
		}
		size := protowire.ConsumeFieldValue(number, kind, message[tag:])
		if size < 0 {
			return false
		}
		if value := message[tag : tag+size]; int(number) < len(fields) {
			content, _ := protowire.ConsumeBytes(value)
			if kind != protowire.BytesType || fields[number] != nil {
				return false
			}
			fields[number] = content
		}
		message = message[tag+size:]
	}
	return true
}

// numberOf gives the number that a message of a single one begins with.
func numberOf(message []byte) uint64 {
	number, kind, tag := protowire.ConsumeTag(message)
	if tag < 0 || number != 1 || kind != protowire.VarintType {
		return 0
	}
	value, size := protowire.ConsumeVarint(message[tag:])
	if size < 0 {
		return 0
	}
	return value
}

// fail answers a check that was not decided. Whatever broke may break again
// here, so each step is tried by itself, and a denial is ready that was made when
// nothing was broken.
func (s *Server) fail(q *question, cause error) (denied *response) {
	decision := authz.Decision{Reason: authz.InternalError, Cause: cause}
	attempt(func() { s.observe(q.request, decision, 0) })
	attempt(func() { denied = s.encoder.deny(q, decision) })
	if withheld(denied) != nil {
		text := slices.Clone(s.ready)
		return &response{text: &text}
	}
	return denied
}

// attempt runs step and survives its panic.
func attempt(step func()) {
	defer func() { _ = recover() }()
	step()
}
