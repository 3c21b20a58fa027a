// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "spawner/service.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <span>
#include <utility>

#include "spawner/clock.h"
#include "spawner/kinship.h"
#include "spawner/launch.h"
#include "spawner/usage.h"

namespace remuda::spawner {

namespace {

constexpr int kPacketsATurn = 16;

sigset_t only_while_waiting() {
  sigset_t blocked;
  sigfillset(&blocked);
  sigdelset(&blocked, SIGCHLD);
  return blocked;
}

Usage usage_of(const rusage& usage) {
  return {microseconds(usage.ru_utime), microseconds(usage.ru_stime), usage.ru_maxrss};
}

bool has_news(const pollfd& polled) { return (polled.revents & (POLLIN | POLLHUP | POLLERR)) != 0; }

}  // namespace

Service::Service(const Options& options)
    : options_(options),
      no_input_(open("/dev/null", O_RDONLY | O_CLOEXEC)),
      orphans_(options.supervisor),
      processes_(nanoseconds(options.kill_after), orphans_),
      keeper_(processes_, options.generation),
      announcer_(processes_, keeper_),
      templates_(*this, nanoseconds(options.kill_after)),
      packet_(kMaxPacket + 1) {
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  for (const AppRules& rules : options.apps)
    apps_.push_back(std::make_unique<App>(rules, static_cast<uint32_t>(apps_.size())));
  for (const ChannelEnd& end : options.channels) {
    channels_.push_back(std::make_unique<Channel>(base::Fd(end.socket), end.what.serial, end.what.place));
    channels_.back()->reply(Hello{options.generation});
  }
  keeper_.adopt(options.instances, channels_);
  // Before the first spawner there was none whose programs could have been left.
  if (options.generation > 1) orphans_.remember();
}

void Service::serve() {
  while (supervised_) {
    keeper_.flush(options_.control);  // first: what a worker knows of, the next spawner is to know as well
    for (const auto& channel : channels_) channel->flush();
    wait();
    hear();
    const int64_t now = now_ns();
    for (const pid_t pid : processes_.kill_overdue(now)) announcer_.ended(pid, kUnknownStatus, {});
    templates_.act_on_time(now);
    announcer_.announce_due(now);
    answer_pings();
  }
}

// Each reader may add to what is to be polled next: what was polled is read by its place in polled_.
void Service::hear() {
  const std::span polled(polled_);
  const size_t channels = 1 + polled_channels_;
  keeper_.take_ended(polled.subspan(channels, polled_before_templates_ - channels));
  templates_.read(polled.subspan(polled_before_templates_), now_ns());
  reap();
  for (size_t i = 0; i < polled_channels_; ++i) {
    if (has_news(polled[i + 1])) read_channel(*channels_[i]);
  }
  drop_ended_channels();
  if (has_news(polled[0])) read_control();
}

void Service::wait() {
  const auto events = [](bool has_more) { return static_cast<short>(has_more ? POLLIN | POLLOUT : POLLIN); };
  polled_.clear();
  polled_.push_back({.fd = options_.control, .events = events(keeper_.has_notices()), .revents = 0});
  for (const auto& channel : channels_)
    polled_.push_back({.fd = channel->socket(), .events = events(channel->has_replies()), .revents = 0});
  polled_channels_ = channels_.size();
  keeper_.add_polled(polled_);
  polled_before_templates_ = polled_.size();
  templates_.add_polled(polled_);
  const int64_t deadline = next_deadline();
  timespec timeout{};
  if (deadline != INT64_MAX) {
    const int64_t left = std::max<int64_t>(deadline - now_ns(), 0);
    timeout = {.tv_sec = left / kSecond, .tv_nsec = left % kSecond};
  }
  static const sigset_t mask = only_while_waiting();
  const int ready = ppoll(polled_.data(), polled_.size(), deadline == INT64_MAX ? nullptr : &timeout, &mask);
  if (ready >= 0) return;
  for (pollfd& each : polled_) each.revents = 0;
}

int64_t Service::next_deadline() const {
  return std::min({announcer_.next_due(), processes_.next_kill(), templates_.next_deadline()});
}

void Service::reap() {
  int status = 0;
  rusage usage{};
  for (pid_t pid = 0; (pid = wait4(-1, &status, WNOHANG, &usage)) > 0;)
    child_ended(pid, status, usage_of(usage));
}

// A template's fork can end here, because its template has, before anybody has heard that it began.
void Service::child_ended(pid_t pid, int status, const Usage& usage) {
  if (templates_.bury(pid, status, now_ns())) return;
  if (processes_.find(pid) == nullptr) templates_.read_all(now_ns());
  if (processes_.find(pid) != nullptr) announcer_.ended(pid, status, usage);
}

// Each packet from the supervisor brings one more channel.
void Service::read_control() {
  Received received;
  const Reception reception = receive_packet(options_.control, packet_, received);
  if (reception == Reception::kEnd) {
    supervised_ = false;
    return;
  }
  if (reception == Reception::kNothing || received.descriptor_count != 1) return;
  const auto what = decode_new_channel(received.packet);
  if (!what) return;
  if (what->place != kNoPlace) end_channel_of(what->place);
  add_channel(std::move(received.descriptors[0]), *what);
}

void Service::add_channel(base::Fd socket, const NewChannel& what) {
  Channel& channel =
      *channels_.emplace_back(std::make_unique<Channel>(std::move(socket), what.serial, what.place));
  keeper_.give(channel);
  if (channel.is_home()) templates_.tell_of_those_that_run([&](const Reply& reply) { channel.reply(reply); });
}

// Its worker has ended, and what it had asked for until then is dealt with first.
void Service::end_channel_of(int32_t place) {
  for (const auto& channel : channels_) {
    if (channel->place() != place) continue;
    while (!channel->ended && read_packet(*channel)) {
    }
    channel->ended = true;
  }
  drop_ended_channels();
}

void Service::read_channel(Channel& channel) {
  for (int i = 0; i < kPacketsATurn && !channel.ended; ++i) {
    if (!read_packet(channel)) return;
  }
}

// False: there is none now.
bool Service::read_packet(Channel& channel) {
  Received received;
  const Reception reception = receive_packet(channel.socket(), packet_, received);
  channel.ended = channel.ended || reception == Reception::kEnd;
  if (reception != Reception::kPacket) return false;
  while (!received.packet.empty()) {
    const auto request = decode_request(received.packet);
    if (!request) {
      channel.ended = true;
      return false;
    }
    obey(channel, *request, received);
  }
  return true;
}

void Service::drop_ended_channels() {
  const int64_t now = now_ns();
  std::erase_if(channels_, [&](const auto& channel) {
    if (!channel->ended) return false;
    templates_.forget(channel.get());
    std::erase_if(pings_, [&](const Pending& ping) { return ping.channel == channel.get(); });
    processes_.end_all_of(channel.get(), now);
    return true;
  });
}

void Service::obey(Channel& channel, const Request& request, Received& received) {
  if (const auto* const asked = std::get_if<Spawn>(&request)) {
    spawn(channel, *asked, received);
  } else if (const auto* const wish = std::get_if<Signal>(&request)) {
    if (!templates_.cancel(&channel, wish->id, wish->signal)) processes_.signal(&channel, *wish, now_ns());
  } else if (const auto* const what = std::get_if<Measure>(&request)) {
    measure(channel, *what);
  } else if (const auto* const which = std::get_if<Renew>(&request)) {
    renew(channel, *which);
  } else if (const auto* const ping = std::get_if<Ping>(&request)) {
    pings_.push_back({&channel, ping->token, templates_.last_serial()});
    answer_pings();
  }
}

// "Dealt with" is known on the other side when Pong arrives.
void Service::answer_pings() {
  if (pings_.empty()) return;
  announcer_.announce_all();
  std::erase_if(pings_, [&](const Pending& ping) {
    if (templates_.has_unsettled(ping.channel, ping.serial)) return false;
    ping.channel->reply(Pong{ping.token});
    return true;
  });
}

void Service::spawn(Channel& channel, const Spawn& spawn, Received& received) {
  Wanted wanted{.channel = &channel,
                .id = spawn.id,
                .app = spawn.app,
                .place = channel.place(),
                .input = spawn.input,
                .label = std::string(spawn.label)};
  wanted.times.received = now_ns();
  if (spawn.app >= apps_.size()) return refuse(wanted, {EINVAL, Step::kRequest, "no such application"});
  App& app = *apps_[spawn.app];
  const char* program = nullptr;
  Refusal refusal = check(channel, app, spawn, received, program, wanted.times.received);
  if (refusal.error != 0) return refuse(wanted, refusal);
  wanted.descriptors = std::move(received.descriptors);
  TemplateGroup* group = nullptr;
  if (app.templates().covers != TemplateFor::kNone) {
    const bool of_program = app.templates().covers == TemplateFor::kEachProgram;
    group = templates_.choose(app, of_program ? program : "", wanted.input, wanted.times.received, refusal);
    if (refusal.error != 0) return refuse(wanted, refusal);
  }
  if (group == nullptr) return start(std::move(wanted), app, program, environment_.data());
  templates_.take(*group, std::move(wanted), environment_.data());
}

Refusal Service::check(const Channel& channel, App& app, const Spawn& spawn, const Received& received,
                       const char*& program, int64_t now) {
  if (received.descriptor_count != descriptors_of(Request(spawn)))
    return {EMFILE, Step::kDescriptors, "descriptors did not arrive"};
  const bool may_outlive = app.rules().outlives == Outlives::kWorker && channel.is_home();
  if (spawn.input == Input::kListener && !may_outlive)
    return {EPERM, Step::kRequest, "an instance of an application that has none, or not over a home channel"};
  const Refusal refusal = app.find_program(spawn, now, program);
  if (refusal.error == 0 && !app.gather_environment(spawn.input, spawn.environment, environment_))
    return {EPERM, Step::kRequest, "a variable that no request may set"};
  app.fill_in(spawn.input == Input::kListener ? spawn.environment : std::string_view());
  return refusal;
}

void Service::start(Wanted wanted, App& app, const char* program, char* const* environment) {
  const Launched launched = launch({.path = program,
                                    .arguments = app.arguments_of(program),
                                    .environment = environment,
                                    .directory = app.directory_of(program),
                                    .descriptors = wanted.standard_descriptors(no_input_.get()),
                                    .rules = &app.rules(),
                                    .confinement = &app.confinement()});
  wanted.times.started = now_ns();
  if (launched.error == 0) return add(std::move(wanted), launched.pid, {});
  const bool exec = launched.step == Step::kExec;
  refuse(wanted, exec ? explain_exec_failure(program, launched.error)
                      : Refusal{launched.error, launched.step, launched.detail});
}

// `running` says whose child it is.
void Service::add(Wanted wanted, pid_t pid, Running running) {
  running.channel = wanted.channel;
  running.id = wanted.id;
  running.times = wanted.times;
  if (wanted.input == Input::kListener) {
    if (!running.pidfd) running.pidfd = open_pidfd(pid);
    running.instance = std::make_unique<Instance>(Instance{.app = wanted.app,
                                                           .place = wanted.place,
                                                           .label = std::move(wanted.label),
                                                           .errors = std::move(wanted.descriptors[2])});
  }
  announcer_.begun(pid, std::move(running));
}

void Service::measure(Channel& channel, const Measure& wish) {
  pid_t pid = processes_.find(&channel, wish.id);
  if (wish.id == 0 && templates_.is_template(wish.pid)) pid = wish.pid;
  const Running* const running = processes_.find(pid);
  const bool is_certain =
      pid != 0 && (running == nullptr || running->parent == Parent::kThisSpawner || is_there(running->pidfd));
  Measured measured = is_certain ? spawner::measure(pid) : Measured{.error = ESRCH};
  measured.token = wish.token;
  channel.reply(measured);
}

void Service::renew(Channel& channel, const Renew& wish) {
  if (wish.app < apps_.size()) return templates_.renew(channel, wish.token, *apps_[wish.app], now_ns());
  channel.reply(Renewed{.token = wish.token, .error = EINVAL, .detail = "no such application"});
}

void Service::end_all() {
  std::vector<pid_t> orphans = orphans_.all();
  std::erase_if(orphans, [this](pid_t pid) { return processes_.find(pid) != nullptr; });  // ended below
  for (const pid_t pid : orphans) kill(-pid, SIGTERM);
  const int64_t kill_after = nanoseconds(options_.kill_after);
  const int64_t limit = now_ns() + kill_after;
  for (const auto& channel : channels_) templates_.forget(channel.get());
  processes_.end_all(now_ns());
  processes_.for_each([](pid_t, Running& running) { running.channel = nullptr; });
  pings_.clear();
  channels_.clear();
  templates_.end_all(now_ns());
  timespec pause{.tv_sec = 0, .tv_nsec = 2'000'000};
  const auto orphan_runs = [](pid_t pid) { return kill(-pid, 0) == 0; };
  while (now_ns() < limit &&
         (!processes_.empty() || !templates_.empty() || std::ranges::any_of(orphans, orphan_runs))) {
    templates_.read_all(now_ns());
    reap();
    keeper_.take_ended();
    nanosleep(&pause, nullptr);
    pause.tv_nsec = std::min<long>(pause.tv_nsec * 2, 50'000'000);
  }
  for (const pid_t pid : orphans) kill(-pid, SIGKILL);
  templates_.kill_all();
  processes_.kill_overdue(now_ns() + kill_after);  // every one of them
}

}  // namespace remuda::spawner
