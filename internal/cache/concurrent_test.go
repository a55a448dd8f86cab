package cache

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"credence/internal/authz"
	"credence/internal/racetest"
	"credence/internal/registry"
)

// TestManyAtOnce has many check while commits are made that each change a token,
// its client and its profile together, and while wires are cut, facts are pushed
// out, and the server is taken off its list. What a check goes by is of one
// commit: none before the last that was applied when it began, and none that
// was not made when it ended.
func TestManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		s.follower.Tracker = s.hearsay
		h := &chronicle{server: s, states: map[string]int{}}
		h.commit(t)
		s.run()
		defer s.end()
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() { h.check(ctx, t, time.Duration(100+i)*time.Microsecond) })
		}
		all.Go(func() { h.disturb(ctx) })
		commits := 3000
		if racetest.Enabled {
			commits = 1000
		}
		for range commits {
			h.commit(t)
			time.Sleep(time.Millisecond)
		}
		cancel()
		all.Wait()
		t.Logf("%d commits, %d checks were allowed, %d were denied since nobody knew", commits, h.allowed.Load(), h.unknown.Load())
		if h.allowed.Load() < 4*int64(commits) {
			t.Errorf("%d checks were allowed: too few to tell anything", h.allowed.Load())
		}
	})
}

// A chronicle knows which commit made which state.
type chronicle struct {
	*server
	newest           atomic.Int64
	allowed, unknown atomic.Int64

	mu     sync.Mutex
	states map[string]int // by the entry of the change stream
}

// commit makes the next state.
func (h *chronicle) commit(t *testing.T) {
	ctx := context.Background()
	entries, err := h.memory.Read(ctx, plainRef(t, ownToken), registry.ClientRef("acme"), registry.ProfileRef("partner"))
	if err != nil {
		t.Error(err)
		return
	}
	state := int(h.newest.Load()) + 1
	token, client, profile := *entries[0].Record.(*registry.Token), *entries[1].Record.(*registry.Client), *entries[2].Record.(*registry.Profile)
	token.Expires, client.ManagedBy, profile.ManagedBy = noon.Add(time.Duration(state)*time.Hour), fmt.Sprint(state), fmt.Sprint(state)
	h.newest.Store(int64(state)) // it may be read before Commit returns
	h.mu.Lock()
	defer h.mu.Unlock()
	at, err := h.memory.Commit(ctx, registry.Commit{At: noon, Edits: []registry.Edit{
		{Was: entries[0], Now: &token}, {Was: entries[1], Now: &client}, {Was: entries[2], Now: &profile},
	}})
	if err != nil {
		t.Error(err)
	}
	h.states[at.Entry] = state
}

// applied gives the state that the server goes by, as it tells the fleet.
func (h *chronicle) applied() int {
	entry, _, _ := h.Applied()
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.states[entry]
}

// check checks again and again.
func (h *chronicle) check(ctx context.Context, t *testing.T, pause time.Duration) {
	for ctx.Err() == nil {
		from := h.applied()
		got := h.server.check.Check(context.Background(), noon, present(ownToken))
		until := int(h.newest.Load())
		time.Sleep(pause)
		if got.Reason == authz.RegistryUnavailable {
			h.unknown.Add(1)
			continue
		}
		if got.Reason != authz.Allowed {
			t.Errorf("got %s (%v)", got.Reason, got.Cause)
			return
		}
		h.allowed.Add(1)
		state := int(got.Facts.Credential.Expires.Sub(noon) / time.Hour)
		client, profile := got.Facts.Client.ManagedBy, got.Facts.Profile.ManagedBy
		if client != fmt.Sprint(state) || profile != client {
			t.Errorf("token of state %d, client of state %s, profile of state %s: want one state", state, client, profile)
		}
		if state < from || state > until {
			t.Errorf("a check goes by state %d: %d was applied when it began, %d was the newest when it ended", state, from, until)
		}
	}
}

// disturb has all go wrong that can, one after another.
func (h *chronicle) disturb(ctx context.Context) {
	r := rand.New(rand.NewPCG(1, 2))
	for ctx.Err() == nil {
		time.Sleep(time.Duration(r.IntN(60)) * time.Millisecond)
		switch r.IntN(12) {
		case 0:
			h.feed.leadTo(nil)
			time.Sleep(time.Millisecond)
			h.feed.leadTo(h.memory)
		case 1:
			h.lookups.leadTo(nil)
			time.Sleep(time.Millisecond)
			h.lookups.leadTo(h.memory)
		case 2:
			h.hearsay.leadTo(nil)
			h.hearsay.leadTo(h.memory)
		case 3:
			h.fleet.TakeOff(h.seat.Name())
		case 4:
			h.memory.Forget(r.IntN(2))
		case 5, 6, 7:
			h.Invalidate([]registry.Ref{registry.ClientRef("acme")})
		case 8, 9:
			e := h.era.Load()
			e.known.SetMaximum(0)
			e.known.SetMaximum(1000)
		case 10:
			h.Invalidate(nil)
		case 11:
			h.ReadRoot()
		}
	}
}
