// SPDX-License-Identifier: Apache-2.0
//
// Three stories side by side below a scope of their own; what one finds out is told to the farm, which serves
// whoever waits.
#include "apps/remote/farm_home.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "apps/remote/farm_control.h"
#include "apps/remote/farm_source.h"
#include "apps/remote/peer_endpoint.h"

namespace remuda::apps::remote {

namespace {

// While somebody waits: a peer's back-off may end without a word.
constexpr std::chrono::milliseconds kLookAgain{20};
// A name that has no address yet.
constexpr std::chrono::seconds kAskAgain{2};

}  // namespace

std::expected<std::vector<base::Peer>, std::string> look_up(const std::string& name) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(name.c_str(), nullptr, &hints, &found); error != 0)
    return std::unexpected(std::string(::gai_strerror(error)));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> all(found, ::freeaddrinfo);
  std::vector<base::Peer> peers;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    if (each->ai_family != AF_INET && each->ai_family != AF_INET6) continue;
    std::array<char, NI_MAXHOST> text{};
    if (::getnameinfo(each->ai_addr, each->ai_addrlen, text.data(), text.size(), nullptr, 0,
                      NI_NUMERICHOST) != 0)
      continue;
    base::Peer& peer = peers.emplace_back();
    peer.kind = each->ai_family == AF_INET ? base::Peer::Kind::kIpv4 : base::Peer::Kind::kIpv6;
    peer.host = text.data();
  }
  return peers;
}

FarmHome::FarmHome(Farm& farm, loop::Loop& home, loop::Offload& offload, base::Log& log, Lookup lookup)
    : farm_(farm),
      home_(home),
      offload_(offload),
      log_(log),
      lookup_(std::move(lookup)),
      called_(home),
      names_wanted_(home),
      control_(std::make_unique<FarmControl>(farm, home)) {}

FarmHome::~FarmHome() = default;

void FarmHome::use_probers(MakeProber make) {
  make_prober_ = std::move(make);
  if (asks() && farm_.options().checks.interval > loop::Duration::zero()) farm_.is_checked_by_answers();
}

Control& FarmHome::control() { return *control_; }

loop::Task<void> FarmHome::run() {
  loop::Scope stories(home_, &home_.root());
  farm_.call_home(&home_, [this] { called_.notify_all(); });
  if (farm_.options().checks.interval > loop::Duration::zero()) stories.spawn(check_peers(stories));
  stories.spawn(look_up_names());
  co_await look_after();
  farm_.call_home(nullptr, {});
  stories.cancel();
  co_await stories.join();
}

// Whoever waits is served by who gives back; this is for peers that come back by themselves.
loop::Task<void> FarmHome::look_after() {
  while (true) {
    const bool somebody_waits = farm_.look_around(home_);
    if (farm_.names_state() == Farm::Names::kSomeNew) names_wanted_.notify_all();
    tell_changes();
    const auto woken = co_await called_.wait(somebody_waits ? home_.now() + kLookAgain : loop::kNever);
    if (!woken && woken.error().code != ETIMEDOUT) co_return;
  }
}

void FarmHome::tell_changes() {
  using State = PeerStatus::State;
  std::map<uint64_t, State> now_told;
  for (const PeerStatus& peer : farm_.status(home_.now()).peers) {
    if (peer.endpoint == 0) continue;
    const auto before = told_.find(peer.endpoint);
    const bool was_down = before != told_.end() && before->second == State::kDown;
    const bool is_down = peer.state == State::kDown;
    if (is_down && !was_down)
      log_.warning("app {}: peer {} is down: {}", farm_.options().name, peer.address, peer.trouble);
    if (was_down && !is_down) log_.info("app {}: peer {} is up again", farm_.options().name, peer.address);
    now_told.emplace(peer.endpoint, peer.state);
  }
  told_ = std::move(now_told);
}

void FarmHome::tell_name(const std::string& name, const std::string& trouble) {
  std::string& told = told_of_names_[name];
  if (told == trouble) return;
  told = trouble;
  if (trouble.empty()) {
    log_.info("app {}: peer {}: the name is known again", farm_.options().name, name);
  } else {
    log_.warning("app {}: peer {}: {}", farm_.options().name, name, trouble);
  }
}

// --- active checks

loop::Task<void> FarmHome::check_peers(loop::Scope& stories) {
  while (true) {
    const auto slept = co_await home_.sleep_until(home_.now() + farm_.options().checks.interval);
    if (!slept) co_return;
    loop::Scope round(home_, &stories);
    for (auto& peer : farm_.to_check()) round.spawn(check(std::move(peer)));
    co_await round.join();
  }
}

loop::Task<void> FarmHome::check(std::shared_ptr<RemotePeer> peer) {
  PeerEndpoint endpoint(farm_, home_, peer);
  const loop::Time since = home_.now();
  const loop::Time deadline = since + farm_.options().checks.timeout;
  std::string trouble;
  const auto well =
      asks() ? co_await ask(endpoint, deadline, trouble) : co_await knock(endpoint, deadline, trouble);
  if (!well && well.error().code == ECANCELED) co_return;  // the server stops
  Check check{
      .evidence = asks() ? Evidence::kAnswers : Evidence::kAccepts, .trouble = trouble, .since = since};
  if (!well) check.evidence = well.error().code == ETIMEDOUT ? Evidence::kSilent : Evidence::kIll;
  farm_.checked(*peer, check, home_);
}

loop::Task<base::Result<void>> FarmHome::ask(PeerEndpoint& endpoint, loop::Time deadline,
                                             std::string& trouble) {
  const CheckRules& rules = farm_.options().checks;
  const auto prober = make_prober_();
  loop::Scope beside(home_);
  beside.spawn(make_room(endpoint));
  const auto answered = co_await prober->probe(endpoint, rules.path, rules.status, deadline);
  beside.cancel();
  co_await beside.join();
  if (!answered) {
    const std::string_view why = prober->trouble();
    trouble = "check: " + (why.empty() ? base::to_string(answered.error()) : std::string(why));
  }
  co_return answered;
}

// A check holds no lease: what it waits for may be a process that an idle connection keeps.
loop::Task<void> FarmHome::make_room(const PeerEndpoint& endpoint) {
  while (co_await home_.sleep_until(home_.now() + FarmSource::kPatience)) farm_.starves(*endpoint.peer());
}

loop::Task<base::Result<void>> FarmHome::knock(PeerEndpoint& endpoint, loop::Time deadline,
                                               std::string& trouble) {
  const auto connected = co_await endpoint.connect(deadline);
  if (connected) co_return base::Result<void>();
  trouble = "check: " + base::to_string(connected.error());
  co_return std::unexpected(connected.error());
}

// --- names

loop::Task<void> FarmHome::look_up_names() {
  while (true) {
    const std::vector<base::Peer> names = farm_.names();
    for (const base::Peer& each : names) {
      if (!co_await look_up_name(each)) co_return;
    }
    const Farm::Names state = farm_.names_state();
    if (state == Farm::Names::kSomeNew) continue;  // came meanwhile
    loop::Duration interval = farm_.options().resolve_interval;
    if (state == Farm::Names::kSomeUnknown) interval = std::min<loop::Duration>(interval, kAskAgain);
    const auto woken = co_await names_wanted_.wait(names.empty() ? loop::kNever : home_.now() + interval);
    if (!woken && woken.error().code != ETIMEDOUT) co_return;
  }
}

loop::Task<bool> FarmHome::look_up_name(const base::Peer& named) {
  std::expected<std::vector<base::Peer>, std::string> found;
  const auto ran = co_await offload_.run(home_, [&]() -> base::Result<void> {
    found = lookup_(named.host);
    return {};
  });
  if (!ran && ran.error().code == ECANCELED) co_return false;
  if (!ran) found = std::unexpected(base::to_string(ran.error()));
  tell_name(base::address_text(named), found ? "" : found.error());
  farm_.resolved(named, found, home_);
  co_return true;
}

}  // namespace remuda::apps::remote
