// SPDX-License-Identifier: Apache-2.0
//
// Records are written and read field by field; a field that does not fit, a size that lies, a text with a
// stray zero make the packet malformed.
#include "spawner/protocol.h"

#include <cstring>
#include <type_traits>

namespace remuda::spawner {

namespace {

enum class Kind : uint16_t {
  kSpawn = 1,
  kSignal = 2,
  kPing = 3,
  kStarted = 16,
  kFailed = 17,
  kExited = 18,
  kHello = 19,
  kPong = 20,
};

constexpr size_t kHeadSize = 8;

class Writer {
 public:
  Writer(Kind kind, std::vector<std::byte>& packet) : packet_(packet), begin_(packet.size()) {
    put(kProtocolVersion);
    put(kind);
    put(uint32_t{0});
  }

  template <typename T>
  Writer& put(T value) {
    static_assert(std::is_arithmetic_v<T> || std::is_enum_v<T>);
    return put_bytes(&value, sizeof value);
  }
  Writer& put(const StepTimes& times) { return put(times.received).put(times.started).put(times.ended); }
  Writer& put_bytes(const void* bytes, size_t size) {
    const auto* const first = static_cast<const std::byte*>(bytes);
    packet_.insert(packet_.end(), first, first + size);
    return *this;
  }

  // `following`: bytes of the record that the caller sends himself.
  void finish(size_t following = 0) {
    const auto size = static_cast<uint32_t>(packet_.size() - begin_ + following);
    std::memcpy(packet_.data() + begin_ + 4, &size, sizeof size);
  }

 private:
  std::vector<std::byte>& packet_;
  size_t begin_;
};

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <typename T>
  T take() {
    T value{};
    if (bytes_.size() < sizeof value) {
      good_ = false;
      return value;
    }
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_ = bytes_.subspan(sizeof value);
    return value;
  }
  StepTimes take_times() {
    StepTimes times;
    times.received = take<int64_t>();
    times.started = take<int64_t>();
    times.ended = take<int64_t>();
    return times;
  }
  std::string_view take_text(size_t size) {
    if (!good_ || bytes_.size() < size) {
      good_ = false;
      return {};
    }
    const std::string_view text(reinterpret_cast<const char*>(bytes_.data()), size);
    bytes_ = bytes_.subspan(size);
    return text;
  }
  // All of it was understood and nothing is left over.
  bool good() const { return good_ && bytes_.empty(); }

 private:
  std::span<const std::byte> bytes_;
  bool good_ = true;
};

struct Record {
  Kind kind;
  std::span<const std::byte> fields;
};

std::optional<Record> take_record(std::span<const std::byte>& packet) {
  Reader head(packet.first(std::min(packet.size(), kHeadSize)));
  const auto version = head.take<uint16_t>();
  const auto kind = head.take<Kind>();
  const auto size = head.take<uint32_t>();
  if (!head.good() || version != kProtocolVersion || size < kHeadSize || size > packet.size())
    return std::nullopt;
  const Record record{kind, packet.subspan(kHeadSize, size - kHeadSize)};
  packet = packet.subspan(size);
  return record;
}

std::optional<Request> read_spawn(Reader& reader) {
  Spawn spawn;
  spawn.id = reader.take<uint64_t>();
  spawn.app = reader.take<uint32_t>();
  spawn.input = reader.take<Input>();
  const auto program_size = reader.take<uint32_t>();
  const auto environment_size = reader.take<uint32_t>();
  // The program ends in a zero that the view leaves out, so that both can be given to the kernel as they are.
  const std::string_view program = reader.take_text(size_t{program_size} + 1);
  spawn.environment = reader.take_text(environment_size);
  if (!reader.good() || spawn.id == 0 || spawn.input > Input::kGiven || program_size > kMaxProgram)
    return std::nullopt;
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
  const auto size = reader.take<uint16_t>();
  failed.detail = reader.take_text(size);
  if (!reader.good() || failed.step > Step::kInterpreter || size > kMaxDetail) return std::nullopt;
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
  const auto left_others = reader.take<uint8_t>();
  if (!reader.good() || left_others > 1) return std::nullopt;
  exited.left_others = left_others == 1;
  return exited;
}

struct ReplyEncoder {
  std::vector<std::byte>& packet;

  void operator()(const Started& started) const {
    Writer(Kind::kStarted, packet).put(started.id).put(started.pid).put(started.times).finish();
  }
  void operator()(const Failed& failed) const {
    const std::string_view detail = failed.detail.substr(0, kMaxDetail);
    Writer(Kind::kFailed, packet)
        .put(failed.id)
        .put(failed.error)
        .put(failed.step)
        .put(failed.times)
        .put(static_cast<uint16_t>(detail.size()))
        .put_bytes(detail.data(), detail.size())
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
  }
  return "unknown";
}

void encode(const Signal& request, std::vector<std::byte>& packet) {
  Writer(Kind::kSignal, packet).put(request.id).put(request.pid).put(request.signal).finish();
}

void encode(const Ping& request, std::vector<std::byte>& packet) {
  Writer(Kind::kPing, packet).put(request.token).finish();
}

void encode(const Reply& reply, std::vector<std::byte>& packet) { std::visit(ReplyEncoder{packet}, reply); }

void encode_head(const Spawn& request, size_t environment_bytes, std::vector<std::byte>& packet) {
  Writer(Kind::kSpawn, packet)
      .put(request.id)
      .put(request.app)
      .put(request.input)
      .put(static_cast<uint32_t>(request.program.size()))
      .put(static_cast<uint32_t>(environment_bytes))
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
  return spawn->input == Input::kGiven ? 3 : 2;
}

}  // namespace remuda::spawner
