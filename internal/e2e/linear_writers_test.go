package e2e

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"google.golang.org/protobuf/proto"

	"credence/internal/authz/authztest"
	"credence/internal/credential"
	"credence/internal/registrar"
	"credence/internal/registry"
)

// A slot is a client and profile, with the tokens that they have one after the
// other.
type slot struct {
	client, profile string
	mu              sync.Mutex // of who exchanges the tokens
	tokens          atomic.Pointer[generation]
}

// A generation is the token that counts, the one before, and the one to come,
// of which nobody has heard.
type generation struct{ before, current, next *bearer }

// A bearer is a token, and the questions that it asks: one for each peer.
type bearer struct {
	id        credential.TokenID
	digest    credential.Digest
	fields    registry.Fields
	questions [len(trialPeers)]question
	checks    [len(trialPeers)][]byte // as they are sent
}

func (b *bearer) key() string { return registry.TokenRef(b.digest).Key() }

// newSlot makes a slot whose first token is there.
func (r *trial) newSlot(client, profile, allow string) *slot {
	r.t.Helper()
	s := &slot{client: client, profile: profile}
	current := r.newBearer(s)
	if allow != "" {
		current.fields["allow"] = allow
	}
	r.write(current.key(), maps.Clone(current.fields))
	r.redis.CLI("SET", key+"token-id:"+string(current.id), string(current.digest))
	s.tokens.Store(&generation{before: current, current: current, next: r.newBearer(s)})
	return s
}

// newBearer makes a token that is nowhere yet.
func (r *trial) newBearer(s *slot) *bearer {
	b := &bearer{id: credential.NewTokenID()}
	secret := credential.NewToken(b.id)
	b.digest, _ = credential.Peppers{}.Digest(credential.PlainDigest, secret) // the plain digest needs no pepper
	b.fields = registry.Fields{
		"digest": string(b.digest), "id": string(b.id), "client": s.client, "profile": s.profile, "state": "active", "created_at": ago(time.Hour),
	}
	for i, peer := range trialPeers {
		b.questions[i] = question{token: b.key(), client: "client:" + s.client, profile: "profile:" + s.profile, peer: peer}
		b.checks[i] = checkBy(secret.Expose(), peer.String())
	}
	return b
}

// checkBy makes a check of a token that a peer presents, as it is sent.
func checkBy(token, peer string) []byte {
	check := checkOf(authztest.Sent{
		Source: peer, Method: "GET", Target: "/", Scheme: "https",
		HeaderMap: credential.Headers{{Name: "x-api-key", Value: token}},
	})
	message, err := proto.Marshal(check)
	if err != nil {
		panic(err) // it is made of valid text
	}
	return framed(message)
}

// A writer changes the registry, each time that enough was asked. What it is
// told of its success counts for nothing: the change stream says what was done.
type writer struct {
	*trial
	name      string
	registrar *registrar.Registrar
	random    *rand.Rand
	n         int
}

func (r *trial) newWriter(n int) *writer {
	return &writer{
		trial: r, name: fmt.Sprintf("w%d", n), registrar: registrar.New(r.store, registrar.Options{}),
		random: rand.New(rand.NewPCG(6, uint64(n))),
	}
}

func (w *writer) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.permits:
		}
		ways := []func(context.Context){
			w.apart, w.apart, w.apart, w.together, w.together, w.together, w.tellClient, w.tellProfile, w.tellToken, w.tellToken,
			w.updateClient, w.switchClient, w.updateProfile, w.switchProfile, w.rotate, w.rotate, w.rotate, w.revoke,
		}
		ways[w.random.IntN(len(ways))](ctx)
	}
}

// tag makes a name for a change.
func (w *writer) tag() string {
	w.n++
	return fmt.Sprintf("%s-%d", w.name, w.n)
}

func (w *writer) oneOf(texts ...string) string { return texts[w.random.IntN(len(texts))] }
func (w *writer) list() string                 { return w.oneOf("", "", "", both, both, both, here, there) }
func (w *writer) slot() *slot                  { return w.slots[w.random.IntN(len(w.slots))] }
func (w *writer) client() string               { return w.oneOf(trialClients[:]...) }
func (w *writer) profile() string              { return w.oneOf(trialProfiles[:]...) }

// tell writes as another program does: MULTI, XADD, the writes, EXEC.
func (w *writer) tell(ctx context.Context, tag string, sets map[string]registry.Fields) {
	w.plan(tag, sets)
	keys := slices.Sorted(maps.Keys(sets))
	_, _ = w.direct.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.XAdd(ctx, &redis.XAddArgs{
			Stream: key + registry.ChangesKey, MaxLen: 100000, Approx: true,
			Values: []string{"keys", strings.Join(keys, " "), "op", "set", "by", "portal", "note", tag},
		})
		for _, name := range keys {
			if sets[name] == nil {
				pipe.Del(ctx, key+name)
			}
			for field, text := range sets[name] {
				if text == "" {
					pipe.HDel(ctx, key+name, field)
				} else {
					pipe.HSet(ctx, key+name, field, text)
				}
			}
		}
		return nil
	})
}

// apart gives a client, its profile and its token other allowlists, all at
// once, of which some are always apart: whoever goes by one that is new beside
// one that is old may let a peer in that never was.
func (w *writer) apart(ctx context.Context) {
	for range 2 {
		lists := [3]string{here, there, w.oneOf(here, there)}
		w.random.Shuffle(len(lists), func(i, k int) { lists[i], lists[k] = lists[k], lists[i] })
		w.tell(ctx, w.tag(), map[string]registry.Fields{
			"client:never": {"allow": lists[0]}, "profile:never": {"allow": lists[1]}, w.never.tokens.Load().current.key(): {"allow": lists[2]},
		})
	}
}

// together writes a profile, and at once that profile and a client together:
// who reads the profile again for the first may be told of the second.
func (w *writer) together(ctx context.Context) {
	client, profile := "client:"+w.oneOf("pair", "pair", w.client()), "profile:"+w.oneOf("pair", "pair", w.profile())
	first, second := w.tag(), w.tag()
	w.tell(ctx, first, map[string]registry.Fields{profile: {"scopes": first}})
	w.tell(ctx, second, map[string]registry.Fields{profile: {"scopes": second}, client: {"name": second}})
}

func (w *writer) tellClient(ctx context.Context) {
	id, tag := w.client(), w.tag()
	fields := clientFields(id, tag)
	fields["state"], fields["allow"] = w.oneOf("active", "active", "active", "active", "active", "disabled"), w.list()
	if w.random.IntN(20) == 0 {
		fields = nil
	}
	w.tell(ctx, tag, map[string]registry.Fields{"client:" + id: fields})
}

func (w *writer) tellProfile(ctx context.Context) {
	id, tag := w.profile(), w.tag()
	fields := profileFields(id, tag)
	fields["state"], fields["allow"] = w.oneOf("active", "active", "active", "active", "active", "disabled"), w.list()
	fields["accepts"] = w.oneOf("token", "token", "token", "token jwt", "token jwt", "jwt")
	if w.random.IntN(20) == 0 {
		fields = nil
	}
	w.tell(ctx, tag, map[string]registry.Fields{"profile:" + id: fields})
}

// tellToken changes a token, removes it, or brings it in.
func (w *writer) tellToken(ctx context.Context) {
	tokens := w.slot().tokens.Load()
	token := []*bearer{tokens.before, tokens.current, tokens.current, tokens.next}[w.random.IntN(4)]
	fields := maps.Clone(token.fields)
	fields["state"], fields["allow"] = w.oneOf("active", "active", "active", "active", "active", "revoked"), w.list()
	if w.random.IntN(8) == 0 {
		fields = nil
	}
	w.tell(ctx, w.tag(), map[string]registry.Fields{token.key(): fields})
}

func (w *writer) updateClient(ctx context.Context) {
	id, tag, list := w.client(), w.tag(), w.list()
	w.plan(tag, map[string]registry.Fields{"client:" + id: {"name": tag, "allow": list}})
	_, _ = w.registrar.UpdateClient(ctx, registrar.Author{Reason: tag}, registry.ClientID(id), func(c *registry.Client) (err error) {
		c.Name = tag
		c.Allow, err = networksOf(list)
		return err
	})
}

func (w *writer) switchClient(ctx context.Context) {
	id, tag := w.client(), w.tag()
	state, do := "active", w.registrar.EnableClient
	if w.random.IntN(3) == 0 {
		state, do = "disabled", w.registrar.DisableClient
	}
	w.plan(tag, map[string]registry.Fields{"client:" + id: {"state": state}})
	_, _ = do(ctx, registrar.Author{Reason: tag}, registry.ClientID(id))
}

func (w *writer) updateProfile(ctx context.Context) {
	id, tag, list := w.profile(), w.tag(), w.list()
	w.plan(tag, map[string]registry.Fields{"profile:" + id: {"scopes": tag, "allow": list}})
	_, _ = w.registrar.UpdateProfile(ctx, registrar.Author{Reason: tag}, registry.ProfileID(id), func(p *registry.Profile) (err error) {
		p.Scopes = []string{tag}
		p.Allow, err = networksOf(list)
		return err
	})
}

func (w *writer) switchProfile(ctx context.Context) {
	id, tag := w.profile(), w.tag()
	state, do := "active", w.registrar.EnableProfile
	if w.random.IntN(3) == 0 {
		state, do = "disabled", w.registrar.DisableProfile
	}
	w.plan(tag, map[string]registry.Fields{"profile:" + id: {"state": state}})
	_, _ = do(ctx, registrar.Author{Reason: tag}, registry.ProfileID(id))
}

func (w *writer) revoke(ctx context.Context) {
	token, tag := w.slot().tokens.Load().current, w.tag()
	w.plan(tag, map[string]registry.Fields{token.key(): {"state": "revoked"}})
	_, _ = w.registrar.RevokeToken(ctx, registrar.Author{Reason: tag}, token.id)
}

// rotate brings in the next token of a slot and revokes the one that counted,
// in one commit.
func (w *writer) rotate(ctx context.Context) {
	s, tag := w.slot(), w.tag()
	s.mu.Lock()
	defer s.mu.Unlock()
	tokens := s.tokens.Load()
	entries, err := w.store.Read(ctx, registry.TokenRef(tokens.current.digest))
	if err != nil {
		return
	}
	record, err := registry.Parse(registry.TokenRef(tokens.next.digest), tokens.next.fields, time.Now())
	if err != nil {
		w.t.Errorf("rotate: %v", err)
		return
	}
	commit := registry.Commit{Edits: []registry.Edit{{Now: record}}, Op: "rotate", Note: tag, At: time.Now().UTC()}
	sets := map[string]registry.Fields{tokens.next.key(): tokens.next.fields}
	if current, ok := entries[0].Record.(*registry.Token); ok && current.State == registry.Active {
		revoked := *current
		revoked.State = registry.Revoked
		commit.Edits = append(commit.Edits, registry.Edit{Was: entries[0], Now: &revoked})
		sets[tokens.current.key()] = registry.Fields{"state": "revoked"}
	}
	w.plan(tag, sets)
	if _, err := w.store.Commit(ctx, commit); err == nil || errors.Is(err, registry.ErrExists) {
		s.tokens.Store(&generation{before: tokens.current, current: tokens.next, next: w.newBearer(s)})
	}
}

func networksOf(text string) (registry.Networks, error) {
	if text == "" {
		return registry.Networks{}, nil
	}
	return registry.ParseNetworks(text)
}
