// SPDX-License-Identifier: Apache-2.0
//
// Checks, names and changes in the log: with a made-up clock, a prober and a look-up that the test answers
// for; and connections to real sockets.
#include "apps/remote/farm_home.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <map>
#include <set>

#include "apps/remote/farm_source.h"
#include "apps/remote/peer_endpoint.h"
#include "loop/backend/deterministic.h"
#include "loop/backend/epoll_fixture.h"
#include "loop/backend/every_failure.h"

namespace remuda::apps::remote {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Acquired = std::expected<std::unique_ptr<Lease>, AcquireFailure>;
using Found = std::expected<std::vector<base::Peer>, std::string>;

base::Peer peer(std::string_view text) { return *base::parse_peer(text); }

FarmOptions options_of(std::initializer_list<std::string_view> peers) {
  FarmOptions options;
  options.name = "blog";
  for (const std::string_view text : peers) options.peers.push_back(peer(text));
  options.checks = {.interval = 5s, .timeout = 2s, .path = "/ok"};
  return options;
}

// How peers answer; who hangs takes until the deadline.
struct World {
  std::map<std::string, int> asked;
  std::set<std::string> hangs;
};

class FakeProber final : public Prober {
 public:
  FakeProber(loop::Loop& loop, World& world) : loop_(loop), world_(world) {}
  loop::Task<base::Result<void>> probe(Endpoint& endpoint, std::string_view path, int,
                                       loop::Time deadline) override {
    EXPECT_EQ(path, "/ok");
    const std::string name(endpoint.name());
    ++world_.asked[name];
    while (world_.hangs.contains(name)) {
      if (loop_.now() >= deadline) co_return base::failure(ETIMEDOUT, "probe");
      const auto slept = co_await loop_.sleep_until(std::min(loop_.now() + 10ms, deadline));
      if (!slept) co_return std::unexpected(slept.error());
    }
    co_return base::Result<void>();
  }
  std::string_view trouble() const override { return "no answer"; }

 private:
  loop::Loop& loop_;
  World& world_;
};

class FarmHomeTest : public testing::Test {
 protected:
  FarmHomeTest() { backend_.set_clock(loop::ClockMode::kByTest); }

  // Runs it as long as this lives.
  struct Running {
    explicit Running(FarmHomeTest& its_test, FarmHome& home) : test(its_test) {
      test.loop_.root().spawn(home.run());
    }
    ~Running() {
      test.loop_.root().cancel();
      test.pass();
    }
    FarmHomeTest& test;
  };
  void pass(loop::Duration time = 0s) {
    const auto turn = [this] {
      for (int i = 0; i < 6; ++i) loop_.turn(loop_.now());
    };
    turn();
    constexpr loop::Duration kStep = 10ms;
    for (; time > 0s; time -= kStep) {
      backend_.advance(std::min<loop::Duration>(time, kStep));
      turn();
    }
  }
  loop::Task<void> ask(FarmSource& source, std::optional<Acquired>& into) {
    const StartRequest request{.request = 1};
    into.emplace(co_await source.acquire(request, loop_.now() + 10s));
  }
  PeerStatus::State state_of(Farm& farm, std::string_view address) {
    for (const PeerStatus& each : farm.status(loop_.now()).peers) {
      if (each.address == address) return each.state;
    }
    ADD_FAILURE() << "there is no " << address;
    return PeerStatus::State::kDraining;
  }
  std::vector<std::string> peers_of(Farm& farm) {
    std::vector<std::string> all;
    for (const PeerStatus& each : farm.status(loop_.now()).peers) all.push_back(each.address);
    return all;
  }
  Found look_up(const std::string& name) {
    ++lookups_;
    EXPECT_EQ(name, "app.example.org");
    return found_;
  }
  Lookup lookup() {
    return [this](const std::string& name) { return look_up(name); };
  }

  loop::DeterministicBackend backend_;
  loop::Loop loop_{backend_};
  loop::Offload offload_{0, 0};
  std::vector<std::string> lines_;
  std::unique_ptr<base::Log> log_ = base::Log::into([this](std::string_view line) {
    const size_t text = line.find("app blog");
    lines_.emplace_back(line.substr(text, line.size() - text - 1));
  });
  World world_;
  Found found_;
  int lookups_ = 0;
};

TEST_F(FarmHomeTest, AnActiveCheckTakesAPeerDownAndBringsItBack) {
  Farm farm(options_of({"10.0.0.1:9000", "10.0.0.2:9000"}));
  FarmHome home(farm, loop_, offload_, *log_, lookup());
  home.use_probers([this] { return std::make_unique<FakeProber>(loop_, world_); });
  const Running running(*this, home);
  pass(6s);
  EXPECT_EQ(world_.asked["10.0.0.1:9000"], 1);
  EXPECT_EQ(world_.asked["10.0.0.2:9000"], 1);
  world_.hangs = {"10.0.0.1:9000"};
  pass(21s);
  EXPECT_EQ(state_of(farm, "10.0.0.1:9000"), PeerStatus::State::kDown);
  EXPECT_EQ(state_of(farm, "10.0.0.2:9000"), PeerStatus::State::kUp);
  world_.hangs.clear();
  pass(7s);
  EXPECT_EQ(state_of(farm, "10.0.0.1:9000"), PeerStatus::State::kSlowStart);
  pass(11s);
  EXPECT_EQ(state_of(farm, "10.0.0.1:9000"), PeerStatus::State::kUp);
  EXPECT_THAT(lines_, ElementsAre("app blog: peer 10.0.0.1:9000 is down: check: no answer",
                                  "app blog: peer 10.0.0.1:9000 is up again"));
}

// It takes no connection, then takes them and says nothing; only an answer brings it back.
TEST_F(FarmHomeTest, NoClientTriesAPeerThatChecksAskFor) {
  Farm farm(options_of({"10.0.0.1:9000"}));
  FarmHome home(farm, loop_, offload_, *log_, lookup());
  home.use_probers([this] { return std::make_unique<FakeProber>(loop_, world_); });
  FarmSource source(farm, loop_);
  const Running running(*this, home);
  world_.hangs = {"10.0.0.1:9000"};
  for (int i = 0; i < 3; ++i) {
    std::optional<Acquired> got;
    loop_.root().spawn(ask(source, got));
    ASSERT_TRUE(got && *got);
    (**got)->finish(Outcome::kRefused);
  }
  pass(4s);  // far beyond its back-off
  std::optional<Acquired> refused;
  loop_.root().spawn(ask(source, refused));
  ASSERT_TRUE(refused && !*refused);
  EXPECT_EQ(refused->error().reason, AcquireFailure::Reason::kAllDown);
  pass(5s);
  world_.hangs.clear();
  pass(7s);
  std::optional<Acquired> got;
  loop_.root().spawn(ask(source, got));
  EXPECT_TRUE(got && *got);
}

// All its processes work on long requests: the question waits behind them.
TEST_F(FarmHomeTest, APeerThatIsFullMayBeSilent) {
  Farm farm(options_of({"10.0.0.1:9000 concurrency=2"}));
  FarmHome home(farm, loop_, offload_, *log_, lookup());
  home.use_probers([this] { return std::make_unique<FakeProber>(loop_, world_); });
  FarmSource source(farm, loop_);
  const Running running(*this, home);
  world_.hangs = {"10.0.0.1:9000"};
  std::array<std::optional<Acquired>, 2> held;
  for (auto& each : held) loop_.root().spawn(ask(source, each));
  pass(40s);
  EXPECT_GE(world_.asked["10.0.0.1:9000"], 5);
  EXPECT_EQ(state_of(farm, "10.0.0.1:9000"), PeerStatus::State::kUp);
  held = {};
  pass(21s);
  EXPECT_EQ(state_of(farm, "10.0.0.1:9000"), PeerStatus::State::kDown);
}

// Connections that idle hold every process of a peer: they are closed for the question.
TEST_F(FarmHomeTest, AQuestionMakesRoomForItself) {
  struct Kept final : Connections {
    explicit Kept(World& its_world) : world(its_world) {}
    size_t idle() const override { return world.hangs.size(); }
    void close_idle() override { world.hangs.clear(); }
    World& world;
  };
  Farm farm(options_of({"10.0.0.1:9000"}));
  FarmHome home(farm, loop_, offload_, *log_, lookup());
  home.use_probers([this] { return std::make_unique<FakeProber>(loop_, world_); });
  FarmSource source(farm, loop_);
  world_.hangs = {"10.0.0.1:9000"};
  std::optional<Acquired> got;
  loop_.root().spawn(ask(source, got));
  ASSERT_TRUE(got && *got);
  (**got)->endpoint()->connections = std::make_unique<Kept>(world_);
  (**got)->finish(Outcome::kAnswered);
  got.reset();
  const Running running(*this, home);
  pass(5010ms);
  EXPECT_EQ(world_.hangs.size(), 1U);
  pass(20ms);
  EXPECT_TRUE(world_.hangs.empty());
  pass(2s);
  EXPECT_EQ(farm.status(loop_.now()).peers[0].trouble, "");
}

// An address that was drained by itself is away for a while: it is still drained when it comes again.
TEST_F(FarmHomeTest, ADrainedAddressOfANameStaysDrained) {
  FarmOptions options = options_of({"app.example.org:9000"});
  options.checks.interval = 0s;
  Farm farm(options);
  FarmHome home(farm, loop_, offload_, *log_, lookup());
  found_ = {peer("10.0.0.1:1"), peer("10.0.0.2:1")};
  const Running running(*this, home);
  pass();
  EXPECT_TRUE(home.control().drain_peer("10.0.0.1:9000"));
  found_ = {peer("10.0.0.2:1")};
  pass(31s);
  EXPECT_THAT(peers_of(farm), ElementsAre("10.0.0.2:9000"));
  found_ = {peer("10.0.0.1:1"), peer("10.0.0.2:1")};
  pass(31s);
  EXPECT_EQ(state_of(farm, "10.0.0.1:9000"), PeerStatus::State::kDraining);
  EXPECT_TRUE(home.control().restore_peer("10.0.0.1:9000"));
  EXPECT_EQ(state_of(farm, "10.0.0.1:9000"), PeerStatus::State::kSlowStart);
  EXPECT_EQ(home.control().drain_peer("10.0.0.9:9000").error().code, ENOENT);
}

// Those that the farm began with are not new; those that come later are.
TEST_F(FarmHomeTest, NewAddressesOfANameStartSlowly) {
  FarmOptions options = options_of({"app.example.org:9000"});
  options.checks.interval = 0s;
  Farm farm(options);
  FarmHome home(farm, loop_, offload_, *log_, lookup());
  found_ = {peer("10.0.0.1:1")};
  const Running running(*this, home);
  pass();
  EXPECT_EQ(state_of(farm, "10.0.0.1:9000"), PeerStatus::State::kUp);
  found_ = {peer("10.0.0.1:1"), peer("10.0.0.2:1")};
  pass(31s);
  EXPECT_EQ(state_of(farm, "10.0.0.1:9000"), PeerStatus::State::kUp);
  EXPECT_EQ(state_of(farm, "10.0.0.2:9000"), PeerStatus::State::kSlowStart);
}

TEST_F(FarmHomeTest, ANameIsAllItsAddresses) {
  FarmOptions options = options_of({"app.example.org:9000 weight=2"});
  options.checks.interval = 0s;
  Farm farm(options);
  FarmHome home(farm, loop_, offload_, *log_, lookup());
  FarmSource source(farm, loop_);
  std::optional<Acquired> early;
  loop_.root().spawn(ask(source, early));
  EXPECT_FALSE(early);  // nobody is known yet: it waits
  found_ = {peer("10.0.0.1:1"), peer("[::1]:1")};
  const Running running(*this, home);
  pass();
  ASSERT_TRUE(early && *early);
  EXPECT_THAT(peers_of(farm), UnorderedElementsAre("10.0.0.1:9000", "[::1]:9000"));
  found_ = std::unexpected("no answer");
  pass(31s);
  EXPECT_EQ(lookups_, 2);
  EXPECT_THAT(peers_of(farm), UnorderedElementsAre("10.0.0.1:9000", "[::1]:9000"));
  found_ = {peer("10.0.0.2:1")};
  pass(31s);
  EXPECT_THAT(peers_of(farm), UnorderedElementsAre("10.0.0.1:9000", "10.0.0.2:9000"));  // the first is lent
  early.reset();
  pass();
  EXPECT_THAT(peers_of(farm), ElementsAre("10.0.0.2:9000"));
  EXPECT_THAT(lines_, ElementsAre("app blog: peer app.example.org:9000: no answer",
                                  "app blog: peer app.example.org:9000: the name is known again"));
}

TEST_F(FarmHomeTest, ANameThatNobodyKnowsIsAskedForSoonerAndSaid) {
  FarmOptions options = options_of({"app.example.org:9000"});
  options.checks.interval = 0s;
  Farm farm(options);
  FarmHome home(farm, loop_, offload_, *log_, lookup());
  FarmSource source(farm, loop_);
  found_ = std::unexpected("Name or service not known");
  const Running running(*this, home);
  std::optional<Acquired> refused;
  loop_.root().spawn(ask(source, refused));
  pass();
  ASSERT_TRUE(refused && !*refused);
  EXPECT_EQ(refused->error().trouble, "no peer is up; app.example.org:9000: Name or service not known");
  EXPECT_THAT(peers_of(farm), ElementsAre("app.example.org:9000"));
  found_ = {peer("10.0.0.1:1")};
  pass(3s);
  EXPECT_THAT(peers_of(farm), ElementsAre("10.0.0.1:9000"));
}

TEST_F(FarmHomeTest, PeersComeAndGoByCommand) {
  FarmOptions options = options_of({"10.0.0.1:9000"});
  options.checks.interval = 0s;
  Farm farm(options);
  FarmHome home(farm, loop_, offload_, *log_, lookup());
  found_ = {peer("10.0.0.5:1")};
  const Running running(*this, home);
  pass();
  Control& control = home.control();
  EXPECT_TRUE(control.add_peer("app.example.org:9000 concurrency=2"));
  pass();
  EXPECT_THAT(peers_of(farm), ElementsAre("10.0.0.1:9000", "10.0.0.5:9000"));
  EXPECT_EQ(control.add_peer("9000").error().code, EINVAL);
  EXPECT_EQ(control.add_peer("unix:php.sock").error().code, EINVAL);
  EXPECT_TRUE(control.drain_peer("10.0.0.1:9000"));
  EXPECT_EQ(state_of(farm, "10.0.0.1:9000"), PeerStatus::State::kDraining);
  EXPECT_TRUE(control.restore_peer("10.0.0.1:9000"));
  EXPECT_EQ(control.remove_peer("10.0.0.5:9000").error().code, EINVAL);
  EXPECT_STREQ(control.remove_peer("10.0.0.5:9000").error().what,
               "it is one address of a name: drain it, or remove the name");
  EXPECT_TRUE(control.remove_peer("app.example.org:9000"));
  EXPECT_TRUE(control.remove_peer("10.0.0.1:9000"));
  EXPECT_THAT(peers_of(farm), IsEmpty());
  EXPECT_EQ(control.end_instance(1).error().code, ENOTSUP);
}

// Nobody gives anything back, nobody knocks: who waits for a peer that is full finds the one that comes back.
TEST_F(FarmHomeTest, WhoWaitsIsServedWhenABackOffIsOver) {
  FarmOptions options = options_of({"10.0.0.1:9000 concurrency=1", "10.0.0.2:9000 concurrency=1"});
  options.checks.interval = 0s;
  Farm farm(options);
  FarmHome home(farm, loop_, offload_, *log_, lookup());
  FarmSource source(farm, loop_);
  const Running running(*this, home);
  std::optional<Acquired> held;
  loop_.root().spawn(ask(source, held));
  ASSERT_TRUE(held && *held);
  for (int i = 0; i < 3; ++i) {
    std::optional<Acquired> failing;
    loop_.root().spawn(ask(source, failing));
    ASSERT_TRUE(failing && *failing);
    (**failing)->finish(Outcome::kRefused);
  }
  std::optional<Acquired> waiting;
  loop_.root().spawn(ask(source, waiting));
  pass(500ms);
  EXPECT_FALSE(waiting);
  pass(600ms);
  EXPECT_TRUE(waiting && *waiting);
}

TEST(FarmHomeUnderFailure, LeavesNothingBehind) {
  EXPECT_THAT(loop::run_under_every_failure([](loop::DeterministicBackend& backend, loop::Loop& loop) {
                loop::Offload offload(0, 0);
                const auto log = base::Log::into([](std::string_view) {});
                Farm farm(options_of({"10.0.0.1:9000", "app.example.org:9000"}));
                FarmHome home(farm, loop, offload, *log,
                              [](const std::string&) { return Found(std::vector{peer("10.0.0.2:9000")}); });
                World world{.asked = {}, .hangs = {"10.0.0.2:9000"}};
                home.use_probers([&] { return std::make_unique<FakeProber>(loop, world); });
                loop.root().spawn(home.run());
                backend.after(12s, [&] { loop.root().cancel(); });
                loop.run();
              }),
              IsEmpty());
}

// --- real sockets

class PeerEndpointTest : public loop::EpollTest {
 protected:
  base::Result<void> connect(std::string_view text, loop::Duration most = 2s) {
    Farm farm(options_of({}));
    PeerEndpoint endpoint(farm, loop_, std::make_shared<RemotePeer>(1, peer(text)));
    base::Result<void> result;
    const auto story = [&]() -> loop::Task<void> {
      auto socket = co_await endpoint.connect(loop_.now() + most);
      if (!socket) result = std::unexpected(socket.error());
    };
    loop_.root().spawn(story());
    loop_.run();
    trouble_ = endpoint.trouble();
    return result;
  }
  std::string trouble_;
};

TEST_F(PeerEndpointTest, ConnectsByAddress) {
  sockaddr_in address;
  base::Fd listener = listen(address);
  const std::string name = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  EXPECT_TRUE(connect(name));
  listener.reset();
  EXPECT_EQ(connect(name).error().code, ECONNREFUSED);
  EXPECT_EQ(trouble_, "connect: Connection refused");
}

TEST_F(PeerEndpointTest, ConnectsByPathAndByAbstractName) {
  const std::string name = "@remuda-peer-endpoint-test-" + std::to_string(::getpid());
  base::Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  name.copy(address.sun_path + 0, name.size());
  address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(::listen(listener.get(), 0), 0);
  EXPECT_TRUE(connect("unix:" + name));
  EXPECT_EQ(connect("unix:" + name, 20ms).error().code, ETIMEDOUT);  // its queue is full
  EXPECT_EQ(connect("unix:/nowhere/php.sock").error().code, ENOENT);
}

TEST_F(PeerEndpointTest, GoesWhileItConnects) {
  const std::string name = "@remuda-peer-endpoint-goes-" + std::to_string(::getpid());
  base::Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  name.copy(address.sun_path + 0, name.size());
  address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(::listen(listener.get(), 0), 0);
  ASSERT_TRUE(connect("unix:" + name));

  Farm farm(options_of({}));
  auto remote = std::make_shared<RemotePeer>(1, peer("unix:" + name));
  const std::weak_ptr<RemotePeer> watched = remote;
  auto endpoint = std::make_unique<PeerEndpoint>(farm, loop_, std::move(remote));
  loop::Scope connecting(loop_, &loop_.root());
  const auto story = [](PeerEndpoint& its, loop::Time until) -> loop::Task<void> {
    static_cast<void>(co_await its.connect(until));
  };
  connecting.spawn(story(*endpoint, loop_.now() + 1min));
  endpoint.reset();
  EXPECT_FALSE(watched.expired()) << "whoever connects holds what it needs after";
  connecting.cancel();
  while (connecting.children() > 0) loop_.turn(loop_.now() + 10ms);
  EXPECT_TRUE(watched.expired());
}

TEST(LookUp, FindsTheAddressesOfThisMachine) {
  const auto found = look_up("localhost");
  ASSERT_TRUE(found) << found.error();
  EXPECT_FALSE(found->empty());
  EXPECT_FALSE(look_up("no-such-name.invalid"));
}

}  // namespace
}  // namespace remuda::apps::remote
