-- All that the role may do: the views of pub name nobody, and read with the rights of who made them. Without a grant
-- on sources no table function reaches files, addresses, other servers or programs.
GRANT SELECT ON pub.* TO limen_reader WITH REPLACE OPTION
