// SPDX-License-Identifier: Apache-2.0
//
// An option is one row: its name in the file, the member it fills, its range and its text. A table is the
// rows of one TOML table and the records in Config that it fills.
// A name with a point, "instances.min", is a member of a table of its own within the table.
//
// The rows are the single source for reading and checking (reader.cc), `config reference` (reference.cc,
// schema.cc) and `config show` (show.cc). The type comes from the member's type, the default from the
// member's initialiser; bind() puts them together, so that nothing is listed twice. Constant data, any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include "config/config.h"

namespace remuda::config {

enum class Type : uint8_t {
  kBoolean,
  kInteger,
  kDuration,
  kSize,
  kString,
  kPath,
  kLogTarget,
  kAddress,
  kWord,
  kStringList,
  kPaths,
  kPeers,
  kMap
};

// What a list of strings is: a set, or what a program gets (empty and equal ones too).
enum class Items : uint8_t { kDistinct, kArguments };

using Words = std::span<const std::string_view>;

// A set of models or of types.
constexpr uint16_t bit(AppModel model) { return static_cast<uint16_t>(1U << static_cast<unsigned>(model)); }
constexpr uint16_t bit(AppType type) { return static_cast<uint16_t>(1U << static_cast<unsigned>(type)); }

struct Option {
  std::string_view name;
  std::string_view text;  // one line, for people
  uint64_t minimum = 0;   // of an integer, of milliseconds, of bytes
  uint64_t maximum = INT64_MAX;
  std::string_view unit{};              // of an integer, or what a size is per
  std::string_view zero{};              // what 0 stands for, when it is more than a number
  std::string_view unset{};             // what an absent value stands for, when the default does not say it
  std::string_view example{};           // TOML, where the type alone does not show how it is written
  std::span<const uint32_t> allowed{};  // the integers that are allowed, when a range does not say it
  std::string_view only_with{};         // the option of the same table without which this one means nothing
  uint16_t models = 0;                  // the models under which this means something; 0: any
  uint16_t types = 0;                   // likewise
  Items items = Items::kDistinct;       // of a list of strings
  std::string_view word{};              // what may be written in place of the integer word_for
  uint32_t word_for = 0;
  Words words{};                  // the words of an enumeration, in the order of its values
  uint16_t offered = UINT16_MAX;  // those that work in this version, the first the lowest bit
  Type type = Type::kString;      // bind() sets this and the following
  void* (*member)(void* record) = nullptr;
};

template <class T>
consteval Type type_of() {
  if constexpr (std::is_same_v<T, bool>) return Type::kBoolean;
  if constexpr (std::is_same_v<T, uint32_t>) return Type::kInteger;
  if constexpr (std::is_same_v<T, Duration>) return Type::kDuration;
  if constexpr (std::is_same_v<T, Bytes>) return Type::kSize;
  if constexpr (std::is_same_v<T, std::string>) return Type::kString;
  if constexpr (std::is_same_v<T, Path>) return Type::kPath;
  if constexpr (std::is_same_v<T, LogTarget>) return Type::kLogTarget;
  if constexpr (std::is_same_v<T, Address>) return Type::kAddress;
  if constexpr (std::is_same_v<T, StringList>) return Type::kStringList;
  if constexpr (std::is_same_v<T, Paths>) return Type::kPaths;
  if constexpr (std::is_same_v<T, Peers>) return Type::kPeers;
  if constexpr (std::is_same_v<T, StringMap>) return Type::kMap;
  return Type::kWord;
}

template <auto member>
struct MemberOf;
template <class Record, class T, T Record::* member>
struct MemberOf<member> {
  using RecordType = Record;
  using ValueType = T;
};

// bind<&Limits::body>({...}); bind<&Route::files, &Files::index>({...}) for a member of a member.
template <auto outer, auto inner = nullptr>
constexpr Option bind(Option option) {
  using Record = typename MemberOf<outer>::RecordType;
  if constexpr (std::is_same_v<decltype(inner), std::nullptr_t>) {
    option.type = type_of<typename MemberOf<outer>::ValueType>();
    option.member = [](void* record) -> void* { return &(static_cast<Record*>(record)->*outer); };
  } else {
    option.type = type_of<typename MemberOf<inner>::ValueType>();
    option.member = [](void* record) -> void* { return &(static_cast<Record*>(record)->*outer.*inner); };
  }
  return option;
}

// The value of an option in a record; T is the member's type.
template <class T>
T& value_of(const Option& option, void* record) {
  return *static_cast<T*>(option.member(record));
}
template <class T>
const T& value_of(const Option& option, const void* record) {
  return *static_cast<const T*>(option.member(const_cast<void*>(record)));
}

struct Table {
  enum class Shape : uint8_t { kOnce, kNamed, kRepeated };  // [limits], [app.NAME], [[route]]
  std::string_view name;
  Shape shape;
  std::string_view text;
  std::span<const Option> options;
  size_t (*count)(const Config&);
  void* (*record)(Config&, size_t index);
  void* (*add)(Config&, std::string_view name, const Origin& origin);  // not for kOnce
  const void* (*defaults)();

  const void* record_of(const Config& config, size_t index) const {
    return record(const_cast<Config&>(config), index);
  }
};

// All tables, in the order of the reference.
std::span<const Table> tables();
const Table& table_named(std::string_view name);
const Option* find_option(const Table& table, std::string_view name);
// Whether options of the table are "NAME.something": they may be written as one table, NAME = { something = 1
// }.
bool is_group(const Table& table, std::string_view name);
// Whether it means anything under the application's model and type.
bool applies(const Option& option, const App& app);
// The words that work in this version.
std::vector<std::string_view> offered_words(const Option& option);
// Whether "true" and "false" are among its words: they are written without quotes.
bool is_switch(const Option& option);

// "limits", "app.git", "route[0]": what stands before the option in Config::origins.
std::string record_name(const Table& table, const Config& config, size_t index);

}  // namespace remuda::config
