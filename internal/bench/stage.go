package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"credence/internal/redisstore"
)

// A stage holds all processes of a part, and the directory of their files.
type stage struct {
	dir     string
	started []*process
	redis   *process
	address string            // of Redis
	store   *redisstore.Store // nil: no registry was made
}

func newStage() (*stage, error) {
	dir, err := os.MkdirTemp("", "credence-bench-")
	if err != nil {
		return nil, err
	}
	return &stage{dir: dir}, nil
}

// end ends all processes and removes their files.
func (s *stage) end() {
	if s.store != nil {
		_ = s.store.Close() // nothing is asked any more
	}
	for _, p := range s.started {
		p.kill()
	}
	_ = os.RemoveAll(s.dir) // what is left is in the machine's temporary directory
}

// start runs a program that is ended with the stage.
func (s *stage) start(name, program string, args ...string) (*process, error) {
	p, err := start(filepath.Join(s.dir, name+".log"), program, args...)
	if err == nil {
		s.started = append(s.started, p)
	}
	return p, err
}

// startSelf runs this program once more, as one of its other commands.
func (s *stage) startSelf(name string, args ...string) (*process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return s.start(name, program, args...)
}

var (
	ready     = regexp.MustCompile(`Ready to accept (connections)`)
	inContact = regexp.MustCompile(`"msg":"(in contact with the registry)"`)
)

// startRedis starts a redis-server that keeps nothing on disk. A port can be
// taken between the choice and the use: then another is tried. All are below
// those that Linux gives to outgoing connections.
func (s *stage) startRedis(ctx context.Context) (err error) {
	for range 5 {
		port := strconv.Itoa(20000 + rand.N(12000)) // #nosec G404 -- a port, no secret
		s.redis, err = s.start("redis-"+port, "redis-server", "--bind", "127.0.0.1", "--port", port,
			"--save", "", "--appendonly", "no", "--dir", s.dir, "--daemonize", "no")
		if err != nil {
			return err
		}
		if _, err = s.redis.says(ctx, ready); err == nil {
			s.address = "127.0.0.1:" + port
			return nil
		}
	}
	return fmt.Errorf("redis-server: %w", err)
}

func (s *stage) url() string { return "redis://" + s.address + "/0" }

// checksOf makes a registry, and checks with all its tokens.
func (s *stage) checksOf(ctx context.Context, known population) (*checks, error) {
	tokens, err := s.fill(ctx, known)
	if err != nil {
		return nil, err
	}
	return newChecks(peerAddress, tokens)
}

// credenceOf makes a registry, and starts the server that all its tokens are
// shown to.
func (s *stage) credenceOf(ctx context.Context, p plan, known population) (*server, error) {
	checks, err := s.checksOf(ctx, known)
	if err != nil {
		return nil, err
	}
	return s.startCredence(ctx, p, "credence", "", checks)
}

// startCredence starts the server with its defaults and some settings more, and
// waits until it allows what will be asked. A lookup may take all of a check's
// budget: on a machine that others use too, 50 ms are soon over.
func (s *stage) startCredence(ctx context.Context, p plan, name, settings string, checks *checks) (*server, error) {
	file := filepath.Join(s.dir, name+".yaml")
	text := fmt.Sprintf("listen: {grpc: '127.0.0.1:0', ops: '127.0.0.1:0'}\nredis: {url: '%s', timeout: 200ms}\nlog: {format: json}\n%s\n", s.url(), settings)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	process, err := s.start(name, p.credence, "serve", "--config", file)
	if err != nil {
		return nil, err
	}
	if _, err := process.says(ctx, inContact); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	server, err := process.serves(ctx, name, checks)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := identifies(server.answer); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	server.ops, err = process.says(ctx, listeningOps)
	return server, err
}
