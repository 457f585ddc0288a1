---@meta
--- Operations and coroutine tasks by what they return, for editors; never loaded.

---What all operations on one endpoint have in common.
---@class pomex.Kind
---@field endpoint string "assets.get", …
---@field decode fun(body: string, status: integer, endpoint: string, op: pomex.Operation): any

---What pomex itself keeps in an operation.
---@class pomex.Operation
---@field private handle userdata|nil the core's operation, until its result was taken
---@field private kind pomex.Kind
---@field private object_id string|nil of the asset or the generation that it is about
---@field private opts table|nil the caller's options
---@field private finished boolean
---@field private news boolean|nil on_update or on_progress is to be called
---@field private value any
---@field private err pomex.Error|nil

---@class pomex.SessionOperation: pomex.Operation
---@field wait fun(self: pomex.Waitable, timeout?: number): pomex.Session|nil, pomex.Error?

---@class pomex.AssetOperation: pomex.Operation
---@field wait fun(self: pomex.Waitable, timeout?: number): pomex.Asset|nil, pomex.Error?

---@class pomex.AssetPageOperation: pomex.Operation
---@field wait fun(self: pomex.Waitable, timeout?: number): pomex.AssetPage|nil, pomex.Error?

---@class pomex.GenerationOperation: pomex.Operation
---@field wait fun(self: pomex.Waitable, timeout?: number): pomex.Generation|nil, pomex.Error?

---@class pomex.GenerationPageOperation: pomex.Operation
---@field wait fun(self: pomex.Waitable, timeout?: number): pomex.GenerationPage|nil, pomex.Error?

---@class pomex.FileOperation: pomex.Operation
---@field wait fun(self: pomex.Waitable, timeout?: number): pomex.File|nil, pomex.Error?

---@class pomex.RequestOperation: pomex.Operation
---@field wait fun(self: pomex.Waitable, timeout?: number): table|nil, pomex.Error?

---@class pomex.AssetTask: pomex.Task
---@field wait fun(self: pomex.Waitable, timeout?: number): pomex.Asset|nil, pomex.Error?

---@class pomex.GenerationTask: pomex.Task
---@field wait fun(self: pomex.Waitable, timeout?: number): pomex.Generation|nil, pomex.Error?

---@class pomex.GroupTask: pomex.Task
---@field wait fun(self: pomex.Waitable, timeout?: number): pomex.GroupOwner|nil, pomex.Error?

---Whose a group is, as far as the account can see: see `client.assets:confirm_group`.
---@alias pomex.GroupOwner "ours"|"foreign"|"unknown"
