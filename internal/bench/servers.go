package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// A stage holds all processes of a run, and the directory of their files.
type stage struct {
	dir     string
	started []*process
	redis   *process
	answer  []byte // credence's, which the peer gives too
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
	for _, p := range s.started {
		p.kill()
	}
	_ = os.RemoveAll(s.dir) // what is left is in the machine's temporary directory
}

// A server is one that is compared.
type server struct {
	name    string
	process *process
	load    *load
	rounds  []round
}

// open starts all servers. The first of them is credence, the second what it
// is compared with.
func (s *stage) open(ctx context.Context, program string) ([]*server, error) {
	url, err := s.startRedis(ctx)
	if err != nil {
		return nil, err
	}
	token, err := fill(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	checks, err := newChecks(token)
	if err != nil {
		return nil, err
	}
	credence, err := s.startCredence(ctx, program, url, checks)
	if err != nil {
		return nil, fmt.Errorf("credence: %w", err)
	}
	peer, err := s.startPeer(ctx, checks)
	if err != nil {
		return nil, fmt.Errorf("no-op: %w", err)
	}
	return []*server{credence, peer}, nil
}

// start runs a program that is ended with the stage.
func (s *stage) start(name, program string, args ...string) (*process, error) {
	p, err := start(filepath.Join(s.dir, name+".log"), program, args...)
	if err == nil {
		s.started = append(s.started, p)
	}
	return p, err
}

var (
	ready     = regexp.MustCompile(`Ready to accept (connections)`)
	listening = regexp.MustCompile(`"grpc":"([^"]+)"`)
)

// startRedis starts a redis-server that keeps nothing on disk. A port can be
// taken between the choice and the use: then another is tried. All are below
// those that Linux gives to outgoing connections.
func (s *stage) startRedis(ctx context.Context) (url string, err error) {
	for range 5 {
		port := strconv.Itoa(20000 + rand.N(12000)) // #nosec G404 -- a port, no secret
		s.redis, err = s.start("redis-"+port, "redis-server", "--bind", "127.0.0.1", "--port", port,
			"--save", "", "--appendonly", "no", "--dir", s.dir, "--daemonize", "no")
		if err != nil {
			return "", err
		}
		if _, err = s.redis.says(ctx, ready); err == nil {
			return "redis://127.0.0.1:" + port + "/0", nil
		}
	}
	return "", fmt.Errorf("redis-server: %w", err)
}

// startCredence starts the server with its defaults, but that a lookup may take
// all of a check's budget: on a machine that others use too, 50 ms are soon
// over. It waits until the server allows what will be asked, and keeps the
// answer for the peer.
func (s *stage) startCredence(ctx context.Context, program, redis string, checks [][]byte) (*server, error) {
	file := filepath.Join(s.dir, "credence.yaml")
	text := fmt.Sprintf("listen: {grpc: '127.0.0.1:0', ops: '127.0.0.1:0'}\nredis: {url: '%s', timeout: 200ms}\nlog: {format: json}\n", redis)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	p, err := s.start("credence", program, "serve", "--config", file)
	if err != nil {
		return nil, err
	}
	server, answer, err := p.serves(ctx, "credence", checks)
	if err != nil {
		return nil, err
	}
	if err := identifies(answer); err != nil {
		return nil, err
	}
	s.answer = answer
	return server, nil
}

// startPeer starts this program once more, as the server that answers what
// credence answered.
func (s *stage) startPeer(ctx context.Context, checks [][]byte) (*server, error) {
	file := filepath.Join(s.dir, "answer")
	if err := os.WriteFile(file, s.answer, 0o600); err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p, err := s.start("no-op", program, peerCommand, file)
	if err != nil {
		return nil, err
	}
	server, answer, err := p.serves(ctx, "no-op", checks)
	if err == nil && len(answer) != len(s.answer) {
		err = fmt.Errorf("answers %d bytes, want the %d of credence", len(answer), len(s.answer))
	}
	return server, err
}

// serves waits until a server allows a check, and gives its first answer.
func (p *process) serves(ctx context.Context, name string, checks [][]byte) (*server, []byte, error) {
	address, err := p.says(ctx, listening)
	if err != nil {
		return nil, nil, err
	}
	load, err := newLoad(address, checks)
	if err != nil {
		return nil, nil, err
	}
	var answer []byte
	err = p.await(ctx, func() error {
		answer, err = load.one(ctx)
		return err
	})
	return &server{name: name, process: p, load: load}, answer, err
}

// failed says what a server was doing when it gave something else than was
// asked for. What is short of time says so: the budget of a check is 120 ms,
// and other work on the machine uses it up.
func (s *server) failed(doing string, err error) error {
	return s.process.withLog(fmt.Errorf("%s: %s: %w (was the machine busy with something else?)", s.name, doing, err))
}

// A round is what was measured of a server in one of its rounds.
type round struct {
	cpu, redis time.Duration // per check
	rate       float64       // checks a second
	p50, p99   time.Duration // latency
}

// round asks a server for a while and measures.
func (s *server) round(ctx context.Context, redis *process, length time.Duration) (round, error) {
	if _, err := s.load.run(ctx, leadIn); err != nil {
		return round{}, err
	}
	begun := time.Now()
	before, err := cpuTimes(s.process, redis)
	if err != nil {
		return round{}, err
	}
	latencies, err := s.load.run(ctx, length)
	if err != nil {
		return round{}, err
	}
	after, err := cpuTimes(s.process, redis)
	if err != nil {
		return round{}, err
	}
	took, checks := time.Since(begun), len(latencies)
	if checks == 0 {
		return round{}, errors.New("no check in the whole round")
	}
	return round{
		cpu:   (after[0] - before[0]) / time.Duration(checks),
		redis: (after[1] - before[1]) / time.Duration(checks),
		rate:  float64(checks) / took.Seconds(),
		p50:   percentile(latencies, 50),
		p99:   percentile(latencies, 99),
	}, nil
}
