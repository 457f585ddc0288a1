---@meta
--- The types of the queue of jobs, for editors; never loaded.

---@class pomex.JobsOptions
---@field queue? string the campaign; "default"
---@field out? string the folder that videos are saved to; `add` then looks whether they can be
---@field prices? table<string, number> of a million tokens, by model, in a currency of your own
---@field pause_on_failures? boolean false: ten failures of one kind in a row do not pause the queue
---@field failed_is_free? boolean true: the account does not pay for videos that fail
---@field by? string who decides, in events; $USER
---@field max_tasks? integer videos in the making at once, on the whole account; 100
---@field file_system? "any" also one that is not known to keep locks and syncs
---@field log? fun(line: string) ids, and what a person should know; to stderr unless told otherwise
---@field beat_seconds? number between two beats of a worker; 5
---@field still_seconds? number that the beat of a dead worker stands still; 60. All workers of a
---  store must have the same

---@class pomex.JobsRunOptions
---@field out? string the folder that videos are saved to; that of `open`, or "."
---@field concurrency? integer jobs that this run works on at once, from begin to file; 64
---@field max_videos? integer the queue's cap for its whole life; the first run sets it
---@field max_money? number the same of money, in the currency of `prices`
---@field on_update? fun(job: pomex.JobUpdate) after each change of a job's state; must not wait
---@field on_progress? fun(job: pomex.JobUpdate) when its status or percent changed; must not wait

---@alias pomex.JobState "incoming"|"ready"|"sending"|"polling"|"saving"|"done"|"failed"
---| "cancelled"|"expired"|"unclear"

---@class pomex.JobUpdate
---@field key string
---@field kind "video"|"portrait"
---@field state pomex.JobState
---@field task? string the id of the task or the asset
---@field attempt integer the number of the newest attempt; 0: none was begun
---@field error? string what last went wrong
---@field saved? string the name of its file
---@field stuck boolean set aside for a person
---@field status? string the service's word for the task of a video, of the last look
---@field percent? integer how much of its file is there, while it is saved

---@class pomex.JobEntry
---@field key string the job's name in its queue
---@field video? pomex.JobVideo
---@field portrait? pomex.AssetBody
---@field save? string of a video: the name of its file, below `out`
---@field price? number of a video: what it costs at most, in the currency of the cap

---@class pomex.JobVideo
---@field model string
---@field prompt? string with {names} of the images
---@field images? table<string, string|pomex.Asset> "job:KEY" of a portrait in the queue, an asset,
---  its id, or a link
---@field content? pomex.Content|pomex.ContentPart[] in place of prompt and images
---@field [string] any other fields of a generation

---@class pomex.Job: pomex.JobUpdate
---@field id integer
---@field blocked integer how many portraits it waits for
---@field length? integer of its file
---@field sha256? string of its file
---@field attempts? pomex.JobAttempt[] of `get`

---@class pomex.JobAttempt
---@field number integer
---@field begun number seconds since 1970
---@field stage "out"|"never_left"|"late"|"turned_away"|"task"|"ended"
---@field task? string
---@field cost? number what it reserved; nil: nobody knew
---@field held? number what counts against the cap now
---@field error? string
