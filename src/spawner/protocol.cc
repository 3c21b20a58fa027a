// SPDX-License-Identifier: Apache-2.0
//
// One reader and one writer for each kind of record.
#include "spawner/protocol.h"

#include "spawner/record.h"

namespace remuda::spawner {

namespace {

std::optional<Request> read_spawn(Reader& reader) {
  Spawn spawn;
  spawn.id = reader.take<uint64_t>();
  spawn.app = reader.take<uint32_t>();
  spawn.input = reader.take<Input>();
  const auto program_size = reader.take<uint32_t>();
  const auto environment_size = reader.take<uint32_t>();
  spawn.label = reader.take_text(kMaxLabel);
  // The program ends in a zero that the view leaves out, so that both can be given to the kernel as they are.
  const std::string_view program = reader.take_bytes(size_t{program_size} + 1);
  spawn.environment = reader.take_bytes(environment_size);
  if (!reader.good() || spawn.id == 0 || spawn.id >= kFirstInheritedId) return std::nullopt;
  if (spawn.input > Input::kListener || program_size > kMaxProgram) return std::nullopt;
  if (spawn.input != Input::kListener && !spawn.label.empty()) return std::nullopt;
  if (program.find('\0') != program_size) return std::nullopt;
  if (!spawn.environment.empty() && spawn.environment.back() != '\0') return std::nullopt;
  spawn.program = program.substr(0, program_size);
  return spawn;
}

std::optional<Reply> read_failed(Reader& reader) {
  Failed failed;
  failed.id = reader.take<uint64_t>();
  failed.error = reader.take<int32_t>();
  failed.step = reader.take<Step>();
  failed.times = reader.take_times();
  failed.detail = reader.take_text(kMaxDetail);
  if (!reader.good() || failed.step > Step::kFilter) return std::nullopt;
  return failed;
}

std::optional<Reply> read_exited(Reader& reader) {
  Exited exited;
  exited.id = reader.take<uint64_t>();
  exited.pid = reader.take<pid_t>();
  exited.status = reader.take<int32_t>();
  exited.times = reader.take_times();
  exited.usage.user_us = reader.take<int64_t>();
  exited.usage.system_us = reader.take<int64_t>();
  exited.usage.max_resident_kib = reader.take<int64_t>();
  exited.left_others = reader.take_flag();
  if (!reader.good()) return std::nullopt;
  return exited;
}

std::optional<Reply> read_inherited(Reader& reader) {
  Inherited inherited;
  inherited.id = reader.take<uint64_t>();
  inherited.app = reader.take<uint32_t>();
  inherited.pid = reader.take<pid_t>();
  inherited.times = reader.take_times();
  inherited.end_is_told = reader.take_flag();
  inherited.label = reader.take_text(kMaxLabel);
  if (!reader.good()) return std::nullopt;
  return inherited;
}

std::optional<Reply> read_measured(Reader& reader) {
  Measured measured;
  measured.token = reader.take<uint64_t>();
  measured.error = reader.take<int32_t>();
  measured.resident = reader.take<uint64_t>();
  measured.proportional = reader.take<uint64_t>();
  measured.unique = reader.take<uint64_t>();
  measured.user_us = reader.take<int64_t>();
  measured.system_us = reader.take<int64_t>();
  if (!reader.good()) return std::nullopt;
  return measured;
}

std::optional<Reply> read_renewed(Reader& reader) {
  Renewed renewed;
  renewed.token = reader.take<uint64_t>();
  renewed.error = reader.take<int32_t>();
  renewed.detail = reader.take_text(kMaxDetail);
  if (!reader.good()) return std::nullopt;
  return renewed;
}

std::optional<Reply> read_template_state(Reader& reader) {
  TemplateState state;
  state.app = reader.take<uint32_t>();
  state.generation = reader.take<uint32_t>();
  state.state = reader.take<TemplateState::State>();
  state.pid = reader.take<pid_t>();
  state.began = reader.take<int64_t>();
  state.ready = reader.take<int64_t>();
  state.program = reader.take_text(kMaxProgram);
  state.detail = reader.take_text(kMaxDetail);
  if (!reader.good() || state.state > TemplateState::State::kEnded) return std::nullopt;
  return state;
}

std::optional<Reply> read_template_said(Reader& reader) {
  TemplateSaid said;
  said.app = reader.take<uint32_t>();
  said.text = reader.take_text(kMaxDetail);
  if (!reader.good()) return std::nullopt;
  return said;
}

struct ReplyEncoder {
  std::vector<std::byte>& packet;

  void operator()(const Started& started) const {
    Writer(Kind::kStarted, packet).put(started.id).put(started.pid).put(started.times).finish();
  }
  void operator()(const Failed& failed) const {
    Writer(Kind::kFailed, packet)
        .put(failed.id)
        .put(failed.error)
        .put(failed.step)
        .put(failed.times)
        .put_text(failed.detail.substr(0, kMaxDetail))
        .finish();
  }
  void operator()(const Exited& exited) const {
    Writer(Kind::kExited, packet)
        .put(exited.id)
        .put(exited.pid)
        .put(exited.status)
        .put(exited.times)
        .put(exited.usage.user_us)
        .put(exited.usage.system_us)
        .put(exited.usage.max_resident_kib)
        .put(static_cast<uint8_t>(exited.left_others))
        .finish();
  }
  void operator()(const Hello& hello) const { Writer(Kind::kHello, packet).put(hello.generation).finish(); }
  void operator()(const Inherited& inherited) const {
    Writer(Kind::kInherited, packet)
        .put(inherited.id)
        .put(inherited.app)
        .put(inherited.pid)
        .put(inherited.times)
        .put(static_cast<uint8_t>(inherited.end_is_told))
        .put_text(inherited.label)
        .finish();
  }
  void operator()(const Measured& measured) const {
    Writer(Kind::kMeasured, packet)
        .put(measured.token)
        .put(measured.error)
        .put(measured.resident)
        .put(measured.proportional)
        .put(measured.unique)
        .put(measured.user_us)
        .put(measured.system_us)
        .finish();
  }
  void operator()(const Renewed& renewed) const {
    Writer(Kind::kRenewed, packet)
        .put(renewed.token)
        .put(renewed.error)
        .put_text(renewed.detail.substr(0, kMaxDetail))
        .finish();
  }
  void operator()(const TemplateState& state) const {
    Writer(Kind::kTemplateState, packet)
        .put(state.app)
        .put(state.generation)
        .put(state.state)
        .put(state.pid)
        .put(state.began)
        .put(state.ready)
        .put_text(state.program.substr(0, kMaxProgram))
        .put_text(state.detail.substr(0, kMaxDetail))
        .finish();
  }
  void operator()(const TemplateSaid& said) const {
    Writer(Kind::kTemplateSaid, packet).put(said.app).put_text(said.text.substr(0, kMaxDetail)).finish();
  }
  void operator()(const Pong& pong) const { Writer(Kind::kPong, packet).put(pong.token).finish(); }
};

}  // namespace

std::string_view to_string(Step step) {
  switch (step) {
    case Step::kNone: return "nothing";
    case Step::kRequest: return "check the request to start it";
    case Step::kResolve: return "find the program below its root";
    case Step::kProcess: return "make a process";
    case Step::kGroup: return "make a process group";
    case Step::kDescriptors: return "set up standard input and output";
    case Step::kLimits: return "set resource limits";
    case Step::kGroups: return "change the group";
    case Step::kUser: return "change the user";
    case Step::kPrivileges: return "give up new privileges";
    case Step::kDirectory: return "change to its directory";
    case Step::kExec: return "run the program";
    case Step::kInterpreter: return "run its interpreter";
    case Step::kTemplate: return "load the template";
    case Step::kConfine: return "keep it apart from the rest of the machine";
    case Step::kFilter: return "restrict its system calls";
  }
  return "unknown";
}

void encode(const Signal& request, std::vector<std::byte>& packet) {
  Writer(Kind::kSignal, packet).put(request.id).put(request.pid).put(request.signal).finish();
}

void encode(const Measure& request, std::vector<std::byte>& packet) {
  Writer(Kind::kMeasure, packet).put(request.token).put(request.id).put(request.pid).finish();
}

void encode(const Ping& request, std::vector<std::byte>& packet) {
  Writer(Kind::kPing, packet).put(request.token).finish();
}

void encode(const Renew& request, std::vector<std::byte>& packet) {
  Writer(Kind::kRenew, packet).put(request.token).put(request.app).finish();
}

void encode(const Reply& reply, std::vector<std::byte>& packet) { std::visit(ReplyEncoder{packet}, reply); }

void encode_head(const Spawn& request, size_t environment_bytes, std::vector<std::byte>& packet) {
  Writer(Kind::kSpawn, packet)
      .put(request.id)
      .put(request.app)
      .put(request.input)
      .put(static_cast<uint32_t>(request.program.size()))
      .put(static_cast<uint32_t>(environment_bytes))
      .put_text(request.label)
      .put_bytes(request.program.data(), request.program.size())
      .put('\0')
      .finish(environment_bytes);
}

std::optional<Request> decode_request(std::span<const std::byte>& packet) {
  const auto record = take_record(packet);
  if (!record) return std::nullopt;
  Reader reader(record->fields);
  switch (record->kind) {
    case Kind::kSpawn: return read_spawn(reader);
    case Kind::kSignal: {
      Signal signal;
      signal.id = reader.take<uint64_t>();
      signal.pid = reader.take<pid_t>();
      signal.signal = reader.take<int32_t>();
      if (!reader.good()) return std::nullopt;
      return signal;
    }
    case Kind::kMeasure: {
      Measure measure;
      measure.token = reader.take<uint64_t>();
      measure.id = reader.take<uint64_t>();
      measure.pid = reader.take<pid_t>();
      if (!reader.good()) return std::nullopt;
      return measure;
    }
    case Kind::kRenew: {
      Renew renew;
      renew.token = reader.take<uint64_t>();
      renew.app = reader.take<uint32_t>();
      if (!reader.good()) return std::nullopt;
      return renew;
    }
    case Kind::kPing: {
      const Ping ping{reader.take<uint64_t>()};
      if (!reader.good()) return std::nullopt;
      return ping;
    }
    default: return std::nullopt;
  }
}

std::optional<Reply> decode_reply(std::span<const std::byte>& packet) {
  const auto record = take_record(packet);
  if (!record) return std::nullopt;
  Reader reader(record->fields);
  switch (record->kind) {
    case Kind::kStarted: {
      Started started;
      started.id = reader.take<uint64_t>();
      started.pid = reader.take<pid_t>();
      started.times = reader.take_times();
      if (!reader.good()) return std::nullopt;
      return started;
    }
    case Kind::kFailed: return read_failed(reader);
    case Kind::kExited: return read_exited(reader);
    case Kind::kHello: {
      const Hello hello{reader.take<uint32_t>()};
      if (!reader.good()) return std::nullopt;
      return hello;
    }
    case Kind::kInherited: return read_inherited(reader);
    case Kind::kMeasured: return read_measured(reader);
    case Kind::kRenewed: return read_renewed(reader);
    case Kind::kTemplateState: return read_template_state(reader);
    case Kind::kTemplateSaid: return read_template_said(reader);
    case Kind::kPong: {
      const Pong pong{reader.take<uint64_t>()};
      if (!reader.good()) return std::nullopt;
      return pong;
    }
    default: return std::nullopt;
  }
}

size_t descriptors_of(const Request& request) {
  const auto* const spawn = std::get_if<Spawn>(&request);
  if (spawn == nullptr) return 0;
  return spawn->input == Input::kNone ? 2 : 3;
}

}  // namespace remuda::spawner
