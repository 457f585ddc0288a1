--- SQLite for LuaJIT: statements with bound values, nothing else. A query here blocks its worker
--- for some microseconds, a write for one sync of the disk; that is all right for an app whose
--- writes are a few a video, and buys that what was billed is on disk before anyone waits for it.

local ffi = require "ffi"

ffi.cdef [[
typedef struct sqlite3 sqlite3;
typedef struct sqlite3_stmt sqlite3_stmt;
int sqlite3_open_v2(const char *name, sqlite3 **db, int flags, const char *vfs);
int sqlite3_close(sqlite3 *db);
int sqlite3_busy_timeout(sqlite3 *db, int milliseconds);
int sqlite3_exec(sqlite3 *db, const char *sql, void *callback, void *arg, char **message);
int sqlite3_prepare_v2(sqlite3 *db, const char *sql, int length, sqlite3_stmt **out,
                       const char **tail);
int sqlite3_bind_text(sqlite3_stmt *s, int at, const char *text, int length,
                      void (*destroy)(void *));
int sqlite3_bind_double(sqlite3_stmt *s, int at, double value);
int sqlite3_bind_int64(sqlite3_stmt *s, int at, int64_t value);
int sqlite3_bind_null(sqlite3_stmt *s, int at);
int sqlite3_step(sqlite3_stmt *s);
int sqlite3_reset(sqlite3_stmt *s);
int sqlite3_column_count(sqlite3_stmt *s);
int sqlite3_column_type(sqlite3_stmt *s, int at);
int sqlite3_column_bytes(sqlite3_stmt *s, int at);
double sqlite3_column_double(sqlite3_stmt *s, int at);
const char *sqlite3_column_text(sqlite3_stmt *s, int at);
const char *sqlite3_column_name(sqlite3_stmt *s, int at);
int sqlite3_changes(sqlite3 *db);
const char *sqlite3_errmsg(sqlite3 *db);
]]

local lib = ffi.load "libsqlite3.so.0"

local READWRITE_CREATE = 0x6
local OK, CONSTRAINT, ROW, DONE = 0, 19, 100, 101
local INTEGER, FLOAT, NULL = 1, 2, 5
local TRANSIENT = ffi.cast("void (*)(void *)", -1)   -- SQLite copies the bytes

---@class studio.Db
local Db = {}
Db.__index = Db

local db = {}

local function fail(self, what)
  error("sqlite: " .. what .. ": " .. ffi.string(lib.sqlite3_errmsg(self.handle)), 0)
end

---@param path string
---@return studio.Db
function db.open(path)
  local out = ffi.new "sqlite3 *[1]"
  local code = lib.sqlite3_open_v2(path, out, READWRITE_CREATE, nil)
  local self = setmetatable({ handle = out[0], statements = {} }, Db)
  if code ~= OK then fail(self, "cannot open " .. path) end
  lib.sqlite3_busy_timeout(self.handle, 5000)
  return self
end

---Closes it; only while no statement was prepared.
function Db:close()
  lib.sqlite3_close(self.handle)
end

---Runs statements without values, such as a schema.
---@param sql string
function Db:exec(sql)
  if lib.sqlite3_exec(self.handle, sql, nil, nil, nil) ~= OK then fail(self, "exec") end
end

local function prepare(self, sql)
  local statement = self.statements[sql]
  if not statement then
    local out = ffi.new "sqlite3_stmt *[1]"
    if lib.sqlite3_prepare_v2(self.handle, sql, #sql, out, nil) ~= OK then fail(self, sql) end
    statement = out[0]
    self.statements[sql] = statement
  end
  return statement
end

local function bind(statement, ...)
  for i = 1, select("#", ...) do
    local value = (select(i, ...))
    if type(value) == "string" then
      lib.sqlite3_bind_text(statement, i, value, #value, TRANSIENT)
    elseif type(value) == "number" and value == math.floor(value) then
      lib.sqlite3_bind_int64(statement, i, value)
    elseif type(value) == "number" then
      lib.sqlite3_bind_double(statement, i, value)
    elseif value == nil then
      lib.sqlite3_bind_null(statement, i)
    else
      error("sqlite: cannot store a " .. type(value))
    end
  end
end

local function column(statement, at)
  local kind = lib.sqlite3_column_type(statement, at)
  if kind == NULL then return nil end
  if kind == INTEGER or kind == FLOAT then return lib.sqlite3_column_double(statement, at) end
  local text = lib.sqlite3_column_text(statement, at)
  return ffi.string(text, lib.sqlite3_column_bytes(statement, at))
end

---@param sql string with a ? for each value
---@param ... string|number|nil
---@return table[] rows by column name
function Db:rows(sql, ...)
  local statement, rows = prepare(self, sql), {}
  bind(statement, ...)
  local code = lib.sqlite3_step(statement)
  while code == ROW do
    local row = {}
    for at = 0, lib.sqlite3_column_count(statement) - 1 do
      row[ffi.string(lib.sqlite3_column_name(statement, at))] = column(statement, at)
    end
    rows[#rows + 1] = row
    code = lib.sqlite3_step(statement)
  end
  lib.sqlite3_reset(statement)
  if code ~= DONE then fail(self, sql) end
  return rows
end

---@return table|nil row the first
function Db:row(sql, ...)
  return self:rows(sql, ...)[1]
end

---Runs a statement that changes something.
---@param sql string
---@param ... string|number|nil
---@return integer changed rows; 0 too where a constraint, such as UNIQUE, forbids it
function Db:run(sql, ...)
  local statement = prepare(self, sql)
  bind(statement, ...)
  local code = lib.sqlite3_step(statement)
  lib.sqlite3_reset(statement)
  if code == CONSTRAINT then return 0 end
  if code ~= DONE then fail(self, sql) end
  return lib.sqlite3_changes(self.handle)
end

---Sets columns of one row.
---@param name string of the table; it and the columns come from code, never from a request
---@param id string
---@param fields table<string, string|number>
---@return integer changed
function Db:update(name, id, fields)
  local columns, values = {}, {}
  for column_name in pairs(fields) do columns[#columns + 1] = column_name end
  table.sort(columns)   -- so that the same columns are the same statement
  for i, column_name in ipairs(columns) do
    columns[i], values[i] = column_name .. " = ?", fields[column_name]
  end
  values[#values + 1] = id
  return self:run(("update %s set %s where id = ?"):format(name, table.concat(columns, ", ")),
    unpack(values))
end

return db
