-- Made anew each time, so that a new password is the only one.
CREATE USER OR REPLACE dashboard IDENTIFIED WITH sha256_password BY {password:String}
    DEFAULT ROLE limen_reader DEFAULT DATABASE pub
